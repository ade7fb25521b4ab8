import type { Backend, BackendEvent, Capabilities, Method, Query, Status } from '../api';
import { queryString } from '../api';
import type { IKernelRpc } from './rpc';

/** A read waits for a dashboard on the other side, whose own time limit is 30 seconds. */
const READ_TIMEOUT = 40_000;

/** The read and write interface, answered by the session in a kernel. */
export class KernelBackend implements Backend {
  readonly capabilities: Capabilities = {
    downloads: false,
    edit: true,
    createProjects: true,
    administer: false
  };

  constructor(rpc: IKernelRpc) {
    this._rpc = rpc;
  }

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    const params = { path, query: withoutEmpty(query) };
    if (signal !== undefined) {
      return this._rpc.request<T>('get', params, { timeout: READ_TIMEOUT, signal });
    }
    // Two components that ask the same at the same time share one answer.
    const key = path + queryString(query);
    const running = this._running.get(key);
    if (running !== undefined) {
      return running as Promise<T>;
    }
    const asked = this._rpc
      .request<T>('get', params, { timeout: READ_TIMEOUT })
      .finally(() => this._running.delete(key));
    this._running.set(key, asked);
    return asked;
  }

  send<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const params = { method, path, body: body ?? null };
    return this._rpc.request<T>('send', params, { timeout: READ_TIMEOUT });
  }

  events(listener: (event: BackendEvent) => void): () => void {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  /** Turn a new state of the session into hints for what is shown. */
  onStatus(before: Status | null, now: Status): void {
    this._tell({ kind: 'status' });
    if (before === null) {
      return;
    }
    if (before.state !== now.state && (before.user !== now.user || recovered(before, now))) {
      this._tell({ kind: 'reconnected' });
    }
    if (before.project !== now.project) {
      this._tell({ kind: 'project', id: now.project });
    }
    if (countOf(before) !== countOf(now)) {
      this._tell({ kind: 'snapshot', project: now.project });
    }
  }

  private _tell(event: BackendEvent): void {
    this._listeners.forEach(listener => listener(event));
  }

  private readonly _rpc: IKernelRpc;
  private readonly _running = new Map<string, Promise<unknown>>();
  private readonly _listeners = new Set<(event: BackendEvent) => void>();
}

/** Changes whenever a snapshot was made, sent or refused. */
function countOf({ sync }: Status): string {
  return [sync.pending, sync.sent, sync.parked, sync.local].join();
}

function recovered(before: Status, now: Status): boolean {
  const works = (status: Status): boolean => ['connected', 'sending'].includes(status.state);
  return works(now) && !works(before);
}

function withoutEmpty(query: Query = {}): Query {
  return Object.fromEntries(
    Object.entries(query).filter(
      ([, value]) => value !== null && value !== undefined && value !== ''
    )
  );
}
