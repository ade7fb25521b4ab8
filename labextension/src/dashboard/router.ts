import { useSyncExternalStore } from 'react';

import type { Target } from '../ui';

export type ProjectTab = 'snapshots' | 'pipelines' | 'members' | 'settings';

export type Route =
  | { page: 'projects' }
  | { page: 'project'; project: string; tab: ProjectTab }
  | { page: 'snapshot'; snapshot: string }
  | { page: 'compare'; a: string; b: string }
  | { page: 'tokens' }
  | { page: 'search' }
  | { page: 'device' }
  | { page: 'sign-in' }
  | { page: 'setup' }
  | { page: 'register' }
  | { page: 'missing' };

const TABS: readonly string[] = ['snapshots', 'pipelines', 'members', 'settings'];
const PLAIN: readonly string[] = ['tokens', 'search', 'device', 'sign-in', 'setup', 'register'];

/** What an address means. */
export function parse(pathname: string): Route {
  let parts: string[];
  try {
    parts = pathname.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return { page: 'missing' };
  }
  const [head = '', first, second] = parts;
  if (parts.length === 0 || (head === 'projects' && parts.length === 1)) {
    return { page: 'projects' };
  }
  if (head === 'p' && first !== undefined && parts.length <= 3) {
    const tab = second ?? 'snapshots';
    return TABS.includes(tab)
      ? { page: 'project', project: first, tab: tab as ProjectTab }
      : { page: 'missing' };
  }
  if (head === 's' && first !== undefined && parts.length === 2) {
    return { page: 'snapshot', snapshot: first };
  }
  if (head === 'compare' && first !== undefined && second !== undefined && parts.length === 3) {
    return { page: 'compare', a: first, b: second };
  }
  return PLAIN.includes(head) && parts.length === 1
    ? ({ page: head } as Route)
    : { page: 'missing' };
}

/** The address of a place. */
export function address(target: Target): string {
  const join = (...parts: string[]): string => '/' + parts.map(encodeURIComponent).join('/');
  switch (target.kind) {
    case 'projects':
      return '/';
    case 'project':
      return target.tab && target.tab !== 'snapshots'
        ? join('p', target.project, target.tab)
        : join('p', target.project);
    case 'snapshot':
      return join('s', target.snapshot);
    case 'compare':
      return join('compare', target.a, target.b);
    case 'tokens':
      return '/tokens';
  }
}

const listeners = new Set<() => void>();
let current = location.href;

function notify(): void {
  current = location.href;
  listeners.forEach(listener => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) {
    window.addEventListener('popstate', notify);
    notify();
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      window.removeEventListener('popstate', notify);
    }
  };
}

/** The page's address; changes with every navigation. */
export function useAddress(): URL {
  return new URL(useSyncExternalStore(subscribe, () => current));
}

/** Go to an address of the dashboard. */
export function go(to: string, how: 'push' | 'replace' = 'push'): void {
  if (new URL(to, location.href).href === location.href) {
    return;
  }
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', to);
  notify();
}

/** The address with some of its query changed; empty values are left out. */
export function withQuery(url: URL, changes: Record<string, string>): string {
  const next = new URL(url);
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') {
      next.searchParams.delete(name);
    } else {
      next.searchParams.set(name, value);
    }
  }
  return next.pathname + next.search;
}
