import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

import type { MenuEntry } from './props';

/** A button that opens a menu; arrows move, Escape and a click elsewhere close it. */
export function Menu(props: {
  label: ReactNode;
  name: string;
  entries: readonly MenuEntry[];
  className?: string;
}): JSX.Element {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) {
      return;
    }
    items(root.current)[0]?.focus();
    const close = (event: Event): void => {
      if (!(event.target instanceof Node && root.current?.contains(event.target))) {
        setOpen(false);
      }
    };
    document.addEventListener('pointerdown', close);
    document.addEventListener('focusin', close);
    return () => {
      document.removeEventListener('pointerdown', close);
      document.removeEventListener('focusin', close);
    };
  }, [open]);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      setOpen(false);
      button.current?.focus();
    } else if (moveAmong(items(root.current), event)) {
      event.preventDefault();
    }
  };

  return (
    <div className="etiq-menu" ref={root} onKeyDown={open ? onKeyDown : undefined}>
      <button
        type="button"
        ref={button}
        className={props.className ?? 'etiq-button'}
        aria-label={props.name}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        {props.label}
      </button>
      {open && (
        <div className="etiq-menu-list" role="menu" id={id} aria-label={props.name}>
          {props.entries.map(entry => (
            <button
              key={entry.id}
              type="button"
              role="menuitem"
              tabIndex={-1}
              disabled={entry.disabled}
              className={entry.danger ? 'etiq-danger' : undefined}
              onClick={() => {
                setOpen(false);
                button.current?.focus();
                entry.run();
              }}
            >
              {entry.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function items(root: HTMLElement | null): HTMLElement[] {
  return Array.from(root?.querySelectorAll<HTMLElement>('[role=menuitem]:not(:disabled)') ?? []);
}

/** Move the focus among elements by arrows, Home and End; whether the key was one of these. */
export function moveAmong(
  elements: HTMLElement[],
  event: KeyboardEvent,
  [back, forward] = ['ArrowUp', 'ArrowDown']
): boolean {
  const at = elements.indexOf(document.activeElement as HTMLElement);
  const last = elements.length - 1;
  const targets: Record<string, number> = {
    [back as string]: at <= 0 ? last : at - 1,
    [forward as string]: at >= last ? 0 : at + 1,
    Home: 0,
    End: last
  };
  const next = targets[event.key];
  if (next === undefined || last < 0) {
    return false;
  }
  elements[next]?.focus();
  return true;
}

/** A question in front of everything else; Escape cancels, focus stays inside and comes back. */
export function Dialog(props: {
  title: string;
  onClose(): void;
  children: ReactNode;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement) {
        before.focus();
      }
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className="etiq-dialog"
      aria-labelledby={title}
      onCancel={event => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <h2 id={title}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** Ask before something that cannot be taken back; `typed` must be typed first. */
export function Confirm(props: {
  title: string;
  text: string;
  verb: string;
  typed?: string;
  running?: boolean;
  error?: ReactNode;
  onConfirm(): void;
  onCancel(): void;
}): JSX.Element {
  const [text, setText] = useState('');
  const id = useId();
  const ready = !props.running && (props.typed === undefined || text === props.typed);
  return (
    <Dialog title={props.title} onClose={props.onCancel}>
      <form
        onSubmit={event => {
          event.preventDefault();
          if (ready) {
            props.onConfirm();
          }
        }}
      >
        <p>{props.text}</p>
        {props.typed !== undefined && (
          <label className="etiq-field" htmlFor={id}>
            <span>
              Type <b>{props.typed}</b> to confirm
            </span>
            <input
              id={id}
              className="etiq-input"
              autoComplete="off"
              value={text}
              onChange={event => setText(event.target.value)}
            />
          </label>
        )}
        {props.error}
        <div className="etiq-actions">
          <button type="button" className="etiq-button" onClick={props.onCancel}>
            Cancel
          </button>
          <button type="submit" className="etiq-button etiq-button-danger" disabled={!ready}>
            {props.verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** A section with a heading that folds; folded content is not rendered. */
export function Section(props: {
  title: string;
  /** Facts beside the heading, also seen while folded. */
  facts?: ReactNode;
  folded?: boolean;
  children?: ReactNode;
}): JSX.Element {
  const [open, setOpen] = useState(!props.folded);
  const id = useId();
  return (
    <section className="etiq-section" aria-labelledby={id}>
      <h2 className="etiq-section-title">
        <button type="button" id={id} aria-expanded={open} onClick={() => setOpen(!open)}>
          <Chevron open={open} />
          {props.title}
        </button>
        {props.facts !== undefined && <span className="etiq-section-facts">{props.facts}</span>}
      </h2>
      {open && props.children !== undefined && (
        <div className="etiq-section-body">{props.children}</div>
      )}
    </section>
  );
}

export function Chevron(props: { open: boolean }): JSX.Element {
  return (
    <svg
      viewBox="0 0 12 12"
      width="10"
      height="10"
      aria-hidden="true"
      className={props.open ? 'etiq-chevron etiq-chevron-open' : 'etiq-chevron'}
    >
      <path d="M4 2l4 4-4 4" fill="none" stroke="currentColor" strokeWidth="1.8" />
    </svg>
  );
}
