import { useEffect, useRef, useState } from 'react';

import { asProblem } from '../api';
import type { EmptyStateProps, ErrorNoticeProps } from './props';

/** What happened, why, what to do; and a button to try again. */
export function ErrorNotice({ error, onRetry }: ErrorNoticeProps): JSX.Element {
  const problem = asProblem(error);
  return (
    <div className="etiq-error" role="alert">
      <p>
        <strong>{sentence(problem.what + (problem.why ? ` (${problem.why})` : ''))}</strong>
        {problem.hint && ` ${sentence(problem.hint)}`}
      </p>
      {problem.nearest.length > 0 && !problem.hint && (
        <p>Near to it: {problem.nearest.join(', ')}</p>
      )}
      {onRetry && (
        <button type="button" className="etiq-button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A text as a sentence: first letter large, full stop at its end. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  const large = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(large) ? large : `${large}.`;
}

/** Nothing here yet: what is so, what to do next, with the cell to run. */
export function EmptyState({ title, hint, code, action }: EmptyStateProps): JSX.Element {
  return (
    <div className="etiq-empty">
      <p className="etiq-empty-title">{title}</p>
      {hint && <p>{hint}</p>}
      {code && <CodeToCopy code={code} label="Cell to run" />}
      {action && (
        <button type="button" className="etiq-button etiq-button-primary" onClick={action.run}>
          {action.label}
        </button>
      )}
    </div>
  );
}

/** Lines to paste elsewhere, with a copy button. */
export function CodeToCopy(props: { code: string; label: string }): JSX.Element {
  return (
    <div className="etiq-copybox">
      <pre tabIndex={0} aria-label={props.label}>
        {props.code}
      </pre>
      <CopyButton text={props.code} name={props.label} />
    </div>
  );
}

/** Copy a text; says for a moment that it did, or why it could not. */
export function CopyButton(props: { text: string; name: string }): JSX.Element {
  const [said, setSaid] = useState('');
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async (): Promise<void> => {
    try {
      await copyText(props.text);
      setSaid('Copied');
    } catch {
      setSaid('Select it and copy by hand');
    }
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setSaid(''), 2500);
  };
  return (
    <button
      type="button"
      className="etiq-button etiq-copy"
      aria-label={`Copy: ${props.name}`}
      onClick={() => void copy()}
    >
      <span role="status">{said || 'Copy'}</span>
    </button>
  );
}

async function copyText(text: string): Promise<void> {
  // `navigator.clipboard` exists only over https and on localhost; dashboards also run in plain
  // local networks.
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'etiq-unseen';
  const focused = document.activeElement;
  document.body.append(area);
  try {
    area.select();
    if (!document.execCommand('copy')) {
      throw new Error('the browser refused');
    }
  } finally {
    area.remove();
    if (focused instanceof HTMLElement) {
      focused.focus();
    }
  }
}

/** A thin line that moves while something is asked for; says so to screen readers. */
export function Loading(props: { what?: string }): JSX.Element {
  return (
    <div className="etiq-loading" role="status">
      <span className="etiq-unseen">Loading {props.what ?? ''}</span>
    </div>
  );
}
