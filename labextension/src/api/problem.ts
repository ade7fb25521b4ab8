/** The fields of a problem document (RFC 9457) that a reader needs. */
export interface ProblemDocument {
  status?: number;
  code?: string;
  title?: string;
  detail?: string;
  what?: string;
  why?: string;
  hint?: string;
  path?: string;
  nearest?: string[];
}

/** What happened, why, and what to do: the one error type that backends reject with. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly what: string;
  readonly why: string;
  readonly hint: string;
  /** Where in the input the fault is, for example `name`; empty for the whole. */
  readonly path: string;
  readonly nearest: readonly string[];

  constructor(document: ProblemDocument) {
    const what = document.what || document.title || 'The request failed';
    super(what);
    this.name = 'Problem';
    this.what = what;
    this.code = document.code ?? 'error';
    this.status = document.status ?? 0;
    this.why = document.why ?? (document.what ? '' : (document.detail ?? ''));
    this.hint = document.hint ?? '';
    this.path = document.path ?? '';
    this.nearest = document.nearest ?? [];
  }
}

/** Any failure as a {@link Problem}. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) {
    return error;
  }
  return new Problem({
    code: 'error',
    what: 'Something here failed that should not have',
    why: error instanceof Error ? error.message : String(error),
    hint: 'Try again; if it stays, reload the page'
  });
}

/** Whether a rejection only says that nobody waits for the answer any more. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Whether a failure is of the way to the answer: what was asked for may be there, unchanged. */
export function isPassing(error: unknown): boolean {
  const { code, status } = asProblem(error);
  return code === 'offline' || code === 'no_answer' || status >= 500;
}
