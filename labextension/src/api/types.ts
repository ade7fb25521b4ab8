// Generated from etiq_jupyter/model.py by `jlpm generate`. Do not edit.

export type Role =
  | 'viewer'
  | 'editor'
  | 'owner';

export type State =
  | 'captured'
  | 'stored'
  | 'synced'
  | 'paused'
  | 'parked';

export type ItemRole =
  | 'variable'
  | 'figure'
  | 'outputs'
  | 'environment';

export type Kind =
  | 'number'
  | 'text'
  | 'plain'
  | 'array'
  | 'frame'
  | 'series'
  | 'index'
  | 'model'
  | 'tensor'
  | 'figure'
  | 'image'
  | 'code'
  | 'outputs'
  | 'environment'
  | 'bytes'
  | 'other';

/** A person with an account on a dashboard. */
export interface User {
  id: string;
  username: string;
  email: string;
  admin: boolean;
}

/** Owner and sharing unit of projects. Everybody has a personal one. */
export interface Workspace {
  id: string;
  short_id: string;
  name: string;
  personal: boolean;
  role: Role;
  projects: number;
}

/** A user's role in a project. */
export interface Member {
  user: User;
  role: Role;
}

/**
 * A named body of work.
 *
 * `snapshots` counts them; `pinned` names up to two metrics shown in lists; `spark` holds
 * the latest values of the first pinned metric, oldest first.
 */
export interface Project {
  id: string;
  short_id: string;
  name: string;
  workspace: string;
  workspace_name: string;
  owner: User | null;
  role: Role;
  description: string;
  snapshots: number;
  members: Member[];
  created_at: string | null;
  last_activity: string | null;
  pinned: string[];
  spark: (number | null)[];
}

/** An access token as it may be shown: never its text. */
export interface Token {
  id: string;
  name: string;
  scopes: string[];
  last_chars: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

/** A token just made. `secret` is shown this once and cannot be shown again. */
export interface IssuedToken {
  token: Token;
  secret: string;
  dashboard_url: string;
}

/**
 * What a program gets that wants to be logged in by a person at a browser (RFC 8628).
 *
 * The person opens `verification_url_complete` and compares `user_code`, or opens
 * `verification_url` and types it. The program keeps `device_code` to itself and asks with it
 * every `interval` seconds, for at most `expires_in` seconds.
 */
export interface DeviceCode {
  device_code: string;
  user_code: string;
  verification_url: string;
  verification_url_complete: string;
  interval: number;
  expires_in: number;
}

/**
 * A log-in that waits for somebody's word: who asks, as far as it is known.
 *
 * `name` is what the program calls itself; `address` is where its request came from.
 */
export interface DeviceRequest {
  user_code: string;
  name: string;
  address: string;
  created_at: string;
  expires_at: string;
}

/**
 * What a dashboard says of itself.
 *
 * `epoch` names the life of its data: it changes when a backup is put back, so that clients
 * know to send again what was lost since. Empty where it is not kept.
 */
export interface Server {
  name: 'etiq-dashboard';
  version: string;
  oldest_client: string;
  api: string;
  epoch: string;
}

/**
 * What a dashboard accepts at most, in bytes where it is a size.
 *
 * `snapshots_per_batch` is 0 where snapshots can only be sent one by one.
 */
export interface Limits {
  pack_bytes: number;
  manifest_bytes: number;
  chunks_per_query: number;
  name_chars: number;
  snapshots_per_batch: number;
}

/** Answer of `GET /me`: who asks, with what, of whom. */
export interface Me {
  user: User;
  scopes: string[];
  server: Server;
  limits: Limits;
  workspace: Workspace;
  token: Token | null;
}

/**
 * A thing a snapshot holds.
 *
 * `hash` names the content (xxh3-128 over codec, metadata and buffers): equal values have equal
 * hashes, which is what lineage and change detection go by. `object` names the stored recipe
 * (BLAKE3), from which the bytes are read and verified; empty while it is not stored, and for
 * items that are not kept. `size` is bytes of content before compression. `detail` is small,
 * safe, JSON-able knowledge for people: shape, columns, parameters. `reason` says why an item
 * is only recomputable. `same_as` names the variable of this snapshot of which it is an alias.
 */
export interface Item {
  name: string;
  role: ItemRole;
  kind: Kind;
  type: string;
  summary: string;
  size: number;
  hash: string;
  object: string;
  codec: string;
  detail: Record<string, unknown>;
  reason: string;
  same_as: string;
}

/** A variable that the cell read, by content hash. */
export interface Read {
  name: string;
  hash: string;
}

/** The exception that ended a cell. */
export interface Failure {
  name: string;
  message: string;
  traceback: string[];
}

/** One kernel's life on one notebook inside a project. `kind` says what ran the code. */
export interface Run {
  id: string;
  short_id: string;
  kind: 'notebook' | 'script' | 'console';
  name: string;
  host: string;
  started_at: string | null;
  snapshots: number;
}

/** How many secrets of one kind were taken out before anything touched the disk. */
export interface Redaction {
  kind: string;
  count: number;
  where: string;
}

/**
 * What one cell execution did: the manifest that is stored, sent and receipted.
 *
 * `project` is the project's id on its destination; `project_name` lets an offline snapshot
 * find or make its project later. `sequence` counts the run's snapshots from 1.
 */
export interface Snapshot {
  id: string;
  format: number;
  name: string;
  project: string;
  project_name: string;
  run: Run;
  sequence: number;
  created_at: string;
  duration: number;
  source: string;
  cell_id: string;
  execution_count: number;
  tags: string[];
  note: string;
  error: Failure | null;
  items: Item[];
  reads: Read[];
  metrics: Record<string, number | null>;
  redactions: Redaction[];
  new_bytes: number;
}

/** A neighbour in the lineage: a snapshot and the names of the items that join the two. */
export interface Link {
  id: string;
  short_id: string;
  name: string;
  items: string[];
}

/** A snapshot in a list. */
export interface SnapshotSummary {
  id: string;
  short_id: string;
  name: string;
  project: string;
  project_name: string;
  run: string;
  run_name: string;
  sequence: number;
  author: string;
  created_at: string;
  duration: number;
  cell_id: string;
  state: State;
  failed: boolean;
  tags: string[];
  metrics: Record<string, number | null>;
  variables: number;
  biggest: Item | null;
  size: number;
  new_bytes: number;
}

/** One snapshot, whole. Contents of items are read apart. */
export interface SnapshotDetail extends SnapshotSummary {
  format: number;
  project_short_id: string;
  role: Role;
  run_detail: Run | null;
  source: string;
  execution_count: number;
  note: string;
  error: Failure | null;
  items: Item[];
  reads: Read[];
  redactions: Redaction[];
  parents: Link[];
  children: Link[];
  previous: Link | null;
  previous_source: string | null;
  previous_metrics: Record<string, number | null>;
}

/** The dashboard's word that it holds a snapshot, every byte verified by hash. */
export interface Receipt {
  id: string;
  short_id: string;
  project: string;
  manifest: string;
  received_at: string;
  url: string;
}

/** A snapshot in a pipeline. */
export interface Node {
  id: string;
  short_id: string;
  name: string;
  failed: boolean;
  created_at: string;
  main_item: Item | null;
  metrics: Record<string, number | null>;
}

/** Items that one snapshot wrote and another read. */
export interface Edge {
  source: string;
  target: string;
  items: string[];
}

/** Snapshots joined by what one wrote and another read; inferred, never drawn by hand. */
export interface Pipeline {
  id: string;
  short_id: string;
  name: string;
  run: string;
  nodes: Node[];
  edges: Edge[];
  last_activity: string | null;
}

/** A column of a preview. `align` is how it reads best. */
export interface Column {
  name: string;
  type: string;
  align: 'left' | 'right';
  index: boolean;
}

/**
 * The readable part of an item.
 *
 * `form` says which fields are filled: `table` (columns, rows, total), `text` (text),
 * `json` (data), `picture` (mime, base64 data), `mime` (mime, data: a Vega-Lite or Plotly
 * document), `outputs` (data: the cell's outputs in nbformat form), `none` (reason).
 */
export interface Preview {
  form: 'table' | 'text' | 'json' | 'picture' | 'mime' | 'outputs' | 'none';
  columns: Column[];
  rows: unknown[][];
  offset: number;
  total: number;
  text: string;
  mime: string;
  data: unknown;
  truncated: boolean;
  reason: string;
}

/** One page of a list. `next_cursor` is None on the last; `total` counts all pages. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  total: number;
}

/** A line of a source comparison; line numbers count from 1, 0 where the side lacks the line. */
export interface SourceLine {
  op: ' ' | '+' | '-';
  text: string;
  a: number;
  b: number;
}

/** A metric in both or one of two snapshots. */
export interface MetricChange {
  name: string;
  a: number | null;
  b: number | null;
  change: number | null;
}

/** A variable in two snapshots. `detail` holds the frame, array or value comparison. */
export interface VariableChange {
  name: string;
  status: 'added' | 'removed' | 'changed' | 'same';
  kind: Kind;
  a: Item | null;
  b: Item | null;
  summary: string;
  detail: Record<string, unknown>;
}

/** A fact of the environment that differs, for example `numpy` 2.0 -> 2.1. */
export interface EnvironmentChange {
  name: string;
  a: string | null;
  b: string | null;
}

/** What differs between two snapshots. Sections without difference are empty lists. */
export interface Diff {
  a: SnapshotSummary;
  b: SnapshotSummary;
  source_same: boolean;
  source: SourceLine[];
  metrics: MetricChange[];
  variables: VariableChange[];
  environment: EnvironmentChange[];
}

/**
 * What is on this disk and not yet acknowledged by the dashboard.
 *
 * `oldest` is when the oldest unsent snapshot was made. `paused` says why nothing is sent,
 * empty while sending works. `parked` counts records the dashboard refused, kept with a reason.
 */
export interface SyncStatus {
  pending: number;
  pending_bytes: number;
  sent: number;
  parked: number;
  local: number;
  oldest: string | null;
  paused: string;
  last_error: string;
  sending: boolean;
  safe_to_close: boolean;
}

/**
 * The session's state, without secrets.
 *
 * `source` says where URL and token came from; `run` is the id of this process's run in the
 * current project, empty before its first snapshot.
 */
export interface Status {
  state: 'local' | 'connecting' | 'connected' | 'sending' | 'paused' | 'expired' | 'problem';
  dashboard: string;
  user: string;
  source: string;
  project: string;
  project_name: string;
  run: string;
  role: Role;
  sync: SyncStatus;
  version: string;
  message: string;
}
