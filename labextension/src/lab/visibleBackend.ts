import type { Backend, BackendEvent, Method, Query } from '../api';

/**
 * A backend for a panel that may be hidden: what happens meanwhile is told when it is shown again,
 * so that a hidden panel asks for nothing.
 */
export class VisibleBackend implements Backend {
  constructor(backend: Backend) {
    this._backend = backend;
  }

  get capabilities(): Backend['capabilities'] {
    return this._backend.capabilities;
  }

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this._backend.get<T>(path, query, signal);
  }

  send<T>(method: Method, path: string, body?: unknown): Promise<T> {
    return this._backend.send<T>(method, path, body);
  }

  events(listener: (event: BackendEvent) => void): () => void {
    this._listeners.add(listener);
    this._stop ??= this._backend.events?.(event => this._onEvent(event));
    return () => {
      this._listeners.delete(listener);
      if (this._listeners.size === 0) {
        this._stop?.();
        this._stop = undefined;
      }
    };
  }

  setVisible(visible: boolean): void {
    this._visible = visible;
    if (visible && this._missed) {
      this._missed = false;
      this._tell({ kind: 'reconnected' });
    }
  }

  private _onEvent(event: BackendEvent): void {
    if (this._visible) {
      this._tell(event);
    } else {
      this._missed = true;
    }
  }

  private _tell(event: BackendEvent): void {
    this._listeners.forEach(listener => listener(event));
  }

  private readonly _backend: Backend;
  private readonly _listeners = new Set<(event: BackendEvent) => void>();
  private _stop: (() => void) | undefined;
  private _visible = true;
  private _missed = false;
}
