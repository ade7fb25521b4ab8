import {
  path as pathOf,
  Problem,
  queryString,
  type Backend,
  type BackendEvent,
  type Capabilities,
  type ItemFormat,
  type Method,
  type ProblemDocument,
  type Query
} from '../api';

const API = '/api/v1';
const RECONNECT_AFTER = 5000;
const EVENTS = ['snapshot', 'project', 'token'] as const;

/** The dashboard itself, asked over HTTP with the browser's session. */
export class HttpBackend implements Backend {
  readonly capabilities: Capabilities = {
    downloads: true,
    edit: true,
    createProjects: true,
    administer: true
  };
  private readonly listeners = new Set<(event: BackendEvent) => void>();
  private stream: EventSource | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;

  /** `onSignedOut` is told when the session is no longer accepted. */
  constructor(private readonly onSignedOut: () => void) {}

  async get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.ask<T>('GET', path + queryString(query), undefined, signal);
  }

  async send<T>(method: Method, path: string, body?: unknown): Promise<T> {
    return this.ask<T>(method, path, body);
  }

  itemUrl(snapshot: string, item: string, format: ItemFormat): string {
    return `${API}${pathOf('snapshots', snapshot, 'items', item)}?format=${format}`;
  }

  events(listener: (event: BackendEvent) => void): () => void {
    this.listeners.add(listener);
    if (this.listeners.size === 1) {
      document.addEventListener('visibilitychange', this.followVisibility);
      this.followVisibility();
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) {
        document.removeEventListener('visibilitychange', this.followVisibility);
        this.close();
      }
    };
  }

  private async ask<T>(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal
  ): Promise<T> {
    let response: Response;
    try {
      response = await fetch(API + path, {
        method,
        signal,
        credentials: 'same-origin',
        headers: {
          Accept: 'application/json',
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' })
        },
        body: body === undefined ? undefined : JSON.stringify(body)
      });
    } catch (error) {
      if (signal?.aborted) {
        throw error;
      }
      throw unreachable();
    }
    if (!response.ok) {
      const problem = new Problem(await problemDocument(response));
      if (problem.status === 401 && path !== '/sign-in') {
        this.onSignedOut();
      }
      throw problem;
    }
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  /**
   * A hidden page listens to nothing: browsers allow few connections to one host, and a page that
   * is shown again asks anew anyway.
   */
  private readonly followVisibility = (): void => {
    if (document.visibilityState === 'hidden') {
      this.close();
    } else if (this.stream === null) {
      this.open();
    }
  };

  private open(): void {
    const stream = new EventSource(`${API}/events`);
    this.stream = stream;
    // What happened between the first answers and this moment was told to nobody here.
    stream.onopen = () => this.tell({ kind: 'reconnected' });
    stream.onerror = () => {
      // The browser reconnects by itself, but not after an answer with an error status.
      if (stream.readyState === EventSource.CLOSED && this.stream === stream) {
        this.close();
        this.retry = setTimeout(this.followVisibility, RECONNECT_AFTER);
      }
    };
    for (const kind of EVENTS) {
      stream.addEventListener(kind, event => {
        this.tell({ kind, ...eventFields(event.data as string) });
      });
    }
  }

  private close(): void {
    clearTimeout(this.retry);
    this.stream?.close();
    this.stream = null;
  }

  private tell(event: BackendEvent): void {
    this.listeners.forEach(listener => listener(event));
  }
}

function eventFields(data: string): { id?: string; project?: string } {
  try {
    const { id, project } = JSON.parse(data) as Record<string, unknown>;
    return {
      id: typeof id === 'string' && id ? id : undefined,
      project: typeof project === 'string' && project ? project : undefined
    };
  } catch {
    return {};
  }
}

function unreachable(): Problem {
  return new Problem({
    code: 'offline',
    what: `cannot reach ${location.origin}`,
    why: navigator.onLine ? 'the dashboard does not answer' : 'this computer is offline',
    hint: 'what notebooks keep meanwhile is safe on their disks and will be sent when it answers'
  });
}

/** The problem document of an answer; a proxy's own error page has none. */
async function problemDocument(response: Response): Promise<ProblemDocument> {
  try {
    const document = (await response.json()) as ProblemDocument | null;
    if (typeof document === 'object' && document !== null) {
      return { ...document, status: response.status };
    }
  } catch {
    // Not JSON: said below.
  }
  return {
    status: response.status,
    code: 'server_error',
    what: `the dashboard answered ${response.status} ${response.statusText}`.trim(),
    hint: 'try again in a moment; if it stays, look at its log'
  };
}
