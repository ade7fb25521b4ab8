import type {
  Item,
  Page,
  Project,
  SnapshotDetail,
  SnapshotSummary,
  Status,
  SyncStatus,
  Token
} from '../src/api';

/** Nouns with plain fillings; tests name what matters. */

export const minutesAgo = (n: number): string => new Date(Date.now() - n * 60_000).toISOString();

export function item(more: Partial<Item> & { name: string }): Item {
  return {
    role: 'variable',
    kind: 'plain',
    type: 'dict',
    summary: '',
    size: 0,
    hash: '',
    object: 'x',
    codec: 'plain',
    detail: {},
    reason: '',
    same_as: '',
    ...more
  };
}

export function summary(n: number, more: Partial<SnapshotSummary> = {}): SnapshotSummary {
  return {
    id: `0192f0c1-0000-7000-8000-${String(n).padStart(12, '0')}`,
    short_id: `SNP-${n}`,
    name: `step ${n}`,
    project: 'p1',
    project_name: 'Churn model',
    run: 'r1',
    run_name: 'quickstart.ipynb',
    sequence: n,
    author: 'ana',
    created_at: minutesAgo(100 - n),
    duration: 3.4,
    cell_id: 'c1',
    state: 'synced',
    failed: false,
    tags: [],
    metrics: {},
    variables: 1,
    biggest: null,
    size: 1000,
    new_bytes: 1000,
    ...more
  };
}

export function detail(n: number, more: Partial<SnapshotDetail> = {}): SnapshotDetail {
  return {
    ...summary(n),
    format: 1,
    project_short_id: 'PRJ-1',
    role: 'owner',
    run_detail: null,
    source: 'answer = 42',
    execution_count: 7,
    note: '',
    error: null,
    items: [],
    redactions: [],
    reads: [],
    parents: [],
    children: [],
    previous: null,
    previous_source: null,
    previous_metrics: {},
    ...more
  };
}

export function project(n: number, more: Partial<Project> = {}): Project {
  return {
    id: `p${n}`,
    short_id: `PRJ-${n}`,
    name: `Project ${n}`,
    workspace: 'w1',
    workspace_name: 'ana',
    owner: { id: 'u1', username: 'ana', email: '', admin: false },
    role: 'owner',
    description: '',
    snapshots: n,
    members: [],
    created_at: minutesAgo(600),
    last_activity: minutesAgo(5),
    pinned: [],
    spark: [],
    ...more
  };
}

export function token(n: number, more: Partial<Token> = {}): Token {
  return {
    id: `t${n}`,
    name: `token ${n}`,
    scopes: ['read', 'write'],
    last_chars: 'a1b2',
    created_at: minutesAgo(10),
    expires_at: null,
    last_used_at: null,
    ...more
  };
}

export function page<T>(items: T[], more: Partial<Page<T>> = {}): Page<T> {
  return { items, next_cursor: null, total: items.length, ...more };
}

export function status(more: Partial<Status> = {}, sync: Partial<SyncStatus> = {}): Status {
  return {
    state: 'connected',
    dashboard: 'https://dashboard.example.org',
    user: 'ana',
    source: 'keywords',
    project: 'p1',
    project_name: 'Churn',
    role: 'owner',
    run: 'r1',
    version: '0.1.0',
    message: '',
    ...more,
    sync: {
      pending: 0,
      pending_bytes: 0,
      sent: 0,
      parked: 0,
      local: 0,
      oldest: null,
      paused: '',
      last_error: '',
      sending: false,
      safe_to_close: true,
      ...sync
    }
  };
}
