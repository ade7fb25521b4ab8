import { useEffect, useRef, useState } from 'react';

/** Columns of the snapshot table that can be chosen, in their order; metrics come after `name`. */
export const PLAIN_COLUMNS = {
  author: 'by',
  run: 'run',
  biggest: 'biggest item',
  variables: 'variables',
  size: 'size',
  new: 'new',
  duration: 'ran',
  tags: 'tags',
  created: 'created'
} as const;

export type PlainColumn = keyof typeof PLAIN_COLUMNS;

export interface Columns {
  plain: PlainColumn[];
  metrics: string[];
}

const USUAL: PlainColumn[] = ['author', 'run', 'biggest', 'size', 'tags', 'created'];
const USUAL_METRICS = 3;

/** The columns that an address names; `null` for the usual ones. */
export function readColumns(text: string | null, metrics: readonly string[]): Columns {
  if (text === null) {
    return { plain: USUAL, metrics: metrics.slice(0, USUAL_METRICS) };
  }
  const names = text.split(',');
  return {
    plain: (Object.keys(PLAIN_COLUMNS) as PlainColumn[]).filter(name => names.includes(name)),
    metrics: names
      .filter(name => name.startsWith('m:'))
      .map(name => safeDecode(name.slice(2)))
      .filter(name => metrics.includes(name))
  };
}

export function writeColumns(columns: Columns): string {
  // Never empty: an empty value would mean the usual columns again.
  return [
    'name',
    ...columns.plain,
    ...columns.metrics.map(name => `m:${encodeURIComponent(name)}`)
  ].join(',');
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Check boxes for what the table shows. */
export function ColumnMenu(props: {
  columns: Columns;
  metrics: readonly string[];
  onChange(columns: string): void;
}): JSX.Element {
  const { columns, metrics } = props;
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) {
      return;
    }
    const away = (event: Event): void => {
      if (!(event.target instanceof Node && root.current?.contains(event.target))) {
        setOpen(false);
      }
    };
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [open]);
  const toggle = <T extends string>(list: readonly T[], name: T): T[] =>
    list.includes(name) ? list.filter(each => each !== name) : [...list, name];
  return (
    <div
      className="etiq-menu"
      ref={root}
      onKeyDown={event => event.key === 'Escape' && setOpen(false)}
    >
      <button
        type="button"
        className="etiq-button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        Columns ▾
      </button>
      {open && (
        <div className="etiq-menu-list columns" role="group" aria-label="Columns">
          {metrics.slice(0, 50).map(name => (
            <label key={`m:${name}`}>
              <input
                type="checkbox"
                checked={columns.metrics.includes(name)}
                onChange={() =>
                  props.onChange(
                    writeColumns({ ...columns, metrics: toggle(columns.metrics, name) })
                  )
                }
              />
              {name}
            </label>
          ))}
          {(Object.entries(PLAIN_COLUMNS) as [PlainColumn, string][]).map(([name, label]) => (
            <label key={name}>
              <input
                type="checkbox"
                checked={columns.plain.includes(name)}
                onChange={() =>
                  props.onChange(writeColumns({ ...columns, plain: toggle(columns.plain, name) }))
                }
              />
              {label}
            </label>
          ))}
        </div>
      )}
    </div>
  );
}
