import { render, type RenderResult } from '@testing-library/react';
import type { ReactElement } from 'react';

import {
  Problem,
  type Backend,
  type BackendEvent,
  type Capabilities,
  type ItemFormat,
  type Method,
  type Query
} from '../src/api';
import { UiProvider, type Target } from '../src/ui';

export interface Sent {
  method: Method;
  path: string;
  body: unknown;
}

type Answer = unknown | ((query: Query) => unknown);

/** A backend that answers from a table of paths; what it lacks is not found. */
export class MemoryBackend implements Backend {
  capabilities: Capabilities = {
    downloads: true,
    edit: true,
    createProjects: true,
    administer: true
  };
  readonly asked: { path: string; query: Query }[] = [];
  readonly sent: Sent[] = [];
  readonly answers = new Map<string, Answer>();
  onSend: (sent: Sent) => unknown = () => undefined;
  private readonly listeners = new Set<(event: BackendEvent) => void>();

  constructor(answers: Record<string, Answer> = {}) {
    Object.entries(answers).forEach(([path, answer]) => this.answers.set(path, answer));
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    this.asked.push({ path, query });
    await Promise.resolve();
    if (!this.answers.has(path)) {
      throw new Problem({ status: 404, code: 'not_found', what: `there is no ${path}` });
    }
    const answer = this.answers.get(path);
    const value: unknown = typeof answer === 'function' ? answer(query) : answer;
    if (value instanceof Error) {
      throw value;
    }
    return value as T;
  }

  async send<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const sent = { method, path, body };
    this.sent.push(sent);
    await Promise.resolve();
    const value = this.onSend(sent);
    if (value instanceof Error) {
      throw value;
    }
    return value as T;
  }

  itemUrl(snapshot: string, item: string, format: ItemFormat): string {
    return `/files/${snapshot}/${encodeURIComponent(item)}.${format}`;
  }

  events(listener: (event: BackendEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(event: BackendEvent): void {
    this.listeners.forEach(listener => listener(event));
  }
}

/** Show a component with its backend around it; `opened` collects where it leads. */
export function show(
  backend: Backend,
  element: ReactElement,
  href?: (target: Target) => string | null
): RenderResult & { opened: Target[] } {
  const opened: Target[] = [];
  const navigation = { open: (target: Target) => void opened.push(target), href };
  const result = render(
    <UiProvider backend={backend} navigation={navigation}>
      <div className="etiq">{element}</div>
    </UiProvider>
  );
  return { ...result, opened };
}
