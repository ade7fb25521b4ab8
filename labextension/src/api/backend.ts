/** What a path is asked with; empty values are left out. */
export type Query = Record<string, string | number | boolean | null | undefined>;

export type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a backend lets its user do; components hide what is not possible. */
export interface Capabilities {
  /** Items have addresses of their own, from which they can be downloaded. */
  readonly downloads: boolean;
  /** Names, notes and tags of snapshots can be changed, snapshots and projects deleted. */
  readonly edit: boolean;
  /** Projects can be made by name. */
  readonly createProjects: boolean;
  /** Members and access tokens can be managed. */
  readonly administer: boolean;
}

/** Something changed on the other side: a hint to ask again, never the truth itself. */
export interface BackendEvent {
  readonly kind: 'snapshot' | 'project' | 'token' | 'status' | 'reconnected';
  readonly id?: string;
  readonly project?: string;
}

export type ItemFormat = 'arrow' | 'parquet' | 'csv' | 'json' | 'png' | 'safetensors' | 'raw';

/**
 * The one read and write interface of the components.
 *
 * Paths are those of the dashboard's `/api/v1`, without that prefix: `/projects`,
 * `/snapshots/SNP-42`. Over HTTP the dashboard answers; in JupyterLab the kernel does, from its
 * store or from the dashboard it is logged in to. Failures reject with a {@link Problem}.
 */
export interface Backend {
  readonly capabilities: Capabilities;
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>;
  send<T>(method: Method, path: string, body?: unknown): Promise<T>;
  /** Address of an item's content, or null where items have none. */
  itemUrl?(snapshot: string, item: string, format: ItemFormat): string | null;
  /** Listen for changes; the answer stops listening. */
  events?(listener: (event: BackendEvent) => void): () => void;
}

/** A path from its parts: every part is user input and is encoded. */
export function path(...parts: string[]): string {
  return '/' + parts.map(encodeURIComponent).join('/');
}

/** The query string of a path, with its question mark, or nothing. */
export function queryString(query: Query | undefined): string {
  const pairs = Object.entries(query ?? {}).filter(
    ([, value]) => value !== null && value !== undefined && value !== ''
  );
  return pairs.length === 0
    ? ''
    : '?' +
        pairs
          .map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(String(v))}`)
          .join('&');
}
