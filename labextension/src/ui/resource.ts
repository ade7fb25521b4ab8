import { useCallback, useEffect, useRef, useState } from 'react';

import { isAborted, isPassing, queryString, type Backend, type Page, type Query } from '../api';
import { useBackend } from './context';

export interface Resource<T> {
  /** The latest answer; stays while a newer one is asked for. */
  data: T | undefined;
  error: unknown;
  loading: boolean;
  reload(): void;
}

/** Latest answers by backend and address, so that going back shows at once what was there. */
const answers = new WeakMap<Backend, Map<string, unknown>>();
const KEPT = 100;

function remembered(backend: Backend): Map<string, unknown> {
  let map = answers.get(backend);
  if (map === undefined) {
    map = new Map();
    answers.set(backend, map);
  }
  return map;
}

function remember(backend: Backend, key: string, value: unknown): void {
  const map = remembered(backend);
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > KEPT && !oldest.done) {
    map.delete(oldest.value);
  }
}

/** Forget all answers: another user may sign in. */
export function forgetAnswers(backend: Backend): void {
  answers.delete(backend);
}

/** `GET` a path; null asks for nothing. Late answers to an older question are dropped. */
export function useResource<T>(path: string | null, query?: Query): Resource<T> {
  const backend = useBackend();
  const key = path === null ? null : path + queryString(query);
  const [state, setState] = useState<{
    key: string | null;
    data?: T;
    /** Whether the data came as an answer here, and not from an earlier visit. */
    answered?: boolean;
    error?: unknown;
    loading: boolean;
  }>({ key: null, loading: true });
  const [version, setVersion] = useState(0);
  const asked = useRef(query);
  asked.current = query;

  useEffect(() => {
    if (path === null || key === null) {
      setState({ key, loading: false });
      return;
    }
    const stop = new AbortController();
    const known = remembered(backend).get(key) as T | undefined;
    setState(previous => ({
      key,
      data: previous.key === key ? (previous.data ?? known) : known,
      answered: previous.key === key && previous.answered,
      error: undefined,
      loading: true
    }));
    backend.get<T>(path, asked.current, stop.signal).then(
      data => {
        if (!stop.signal.aborted) {
          remember(backend, key, data);
          setState({ key, data, answered: true, loading: false });
        }
      },
      (error: unknown) => {
        if (!stop.signal.aborted && !isAborted(error)) {
          // What is shown may be gone or forbidden now: an error replaces it, unless the error says
          // nothing of it. A page on which somebody types does not go because a network does.
          setState(previous =>
            previous.answered && isPassing(error)
              ? { ...previous, loading: false }
              : { key, error, loading: false }
          );
        }
      }
    );
    return () => stop.abort();
  }, [backend, path, key, version]);

  const reload = useCallback(() => setVersion(n => n + 1), []);
  // Between a change of address and its effect, the old data must not be shown under the new name.
  const fresh = state.key === key;
  return {
    data: fresh ? state.data : undefined,
    error: fresh ? state.error : undefined,
    loading: fresh ? state.loading : key !== null,
    reload
  };
}

export interface Pages<T> {
  items: T[];
  total: number;
  loading: boolean;
  /** Whether the answer was that there are no items; still so while it is asked for again. */
  empty: boolean;
  error: unknown;
  /** Whether there are more items than are loaded. */
  more: boolean;
  loadMore(): void;
  reload(): void;
}

interface PagesState<T> {
  key: string | null;
  items: T[];
  total: number;
  cursor: string | null;
  loading: boolean;
  answered: boolean;
  error: unknown;
}

const NOTHING = {
  items: [],
  total: 0,
  cursor: null,
  loading: true,
  answered: false,
  error: undefined
};

/** A cursor-paged list. Reloading keeps as many items as were loaded, and shows the old ones meanwhile. */
export function usePages<T>(path: string | null, query: Query, pageSize = 50): Pages<T> {
  const backend = useBackend();
  const key = path === null ? null : path + queryString(query);
  const [state, setState] = useState<PagesState<T>>({ key: null, ...NOTHING });
  const [version, setVersion] = useState(0);
  const latest = useRef({ state, query, signal: null as AbortSignal | null });
  latest.current.state = state;
  latest.current.query = query;

  useEffect(() => {
    if (path === null) {
      setState({ key, ...NOTHING, loading: false });
      return;
    }
    const stop = new AbortController();
    latest.current.signal = stop.signal;
    const shown = latest.current.state.key === key ? latest.current.state.items.length : 0;
    setState(previous =>
      previous.key === key ? { ...previous, loading: true } : { key, ...NOTHING }
    );
    const wanted = Math.min(500, Math.max(pageSize, shown));
    backend.get<Page<T>>(path, { ...latest.current.query, limit: wanted }, stop.signal).then(
      page => {
        if (!stop.signal.aborted) {
          setState({
            key,
            items: page.items,
            total: page.total,
            cursor: page.next_cursor,
            loading: false,
            answered: true,
            error: undefined
          });
        }
      },
      (error: unknown) => {
        if (!stop.signal.aborted && !isAborted(error)) {
          setState(previous => ({ ...previous, loading: false, error }));
        }
      }
    );
    return () => stop.abort();
  }, [backend, path, key, version, pageSize]);

  const loadMore = useCallback(() => {
    const { state: now, query: asked, signal } = latest.current;
    if (path === null || now.cursor === null || now.loading || signal === null) {
      return;
    }
    setState(previous => ({ ...previous, loading: true }));
    backend.get<Page<T>>(path, { ...asked, limit: pageSize, cursor: now.cursor }, signal).then(
      page => {
        if (!signal.aborted) {
          setState(previous => ({
            ...previous,
            items: [...previous.items, ...page.items],
            total: page.total,
            cursor: page.next_cursor,
            loading: false,
            error: undefined
          }));
        }
      },
      (error: unknown) => {
        if (!signal.aborted && !isAborted(error)) {
          setState(previous => ({ ...previous, loading: false, error }));
        }
      }
    );
  }, [backend, path, pageSize]);

  const reload = useCallback(() => setVersion(n => n + 1), []);
  const fresh = state.key === key;
  return {
    items: fresh ? state.items : [],
    total: fresh ? state.total : 0,
    loading: fresh ? state.loading : key !== null,
    empty: fresh && state.answered && state.items.length === 0 && state.error === undefined,
    error: fresh ? state.error : undefined,
    more: fresh && state.cursor !== null,
    loadMore,
    reload
  };
}

/** The latest value, once it has not changed for a while: for what is typed. */
export function useSettled<T>(value: T, milliseconds = 250): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

export interface Action {
  running: boolean;
  error: unknown;
  run(work: () => Promise<void>): void;
  clear(): void;
}

/** One thing that a click starts: not twice at once, its failure kept to be shown. */
export function useAction(): Action {
  const [running, setRunning] = useState(false);
  const [error, setError] = useState<unknown>();
  const busy = useRef(false);
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => {
      alive.current = false;
    };
  }, []);
  const run = useCallback((work: () => Promise<void>) => {
    if (busy.current) {
      return;
    }
    busy.current = true;
    setRunning(true);
    setError(undefined);
    work()
      .catch((reason: unknown) => alive.current && setError(reason))
      .finally(() => {
        busy.current = false;
        if (alive.current) {
          setRunning(false);
        }
      });
  }, []);
  const clear = useCallback(() => setError(undefined), []);
  return { running, error, run, clear };
}
