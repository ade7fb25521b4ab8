import { useState } from 'react';

import { count } from './format';
import { Chevron } from './controls';

const AT_ONCE = 100;

/** A JSON value to look through; only what is unfolded is rendered. */
export function JsonTree(props: { value: unknown; name: string }): JSX.Element {
  return (
    <div className="etiq-json" role="group" aria-label={props.name} tabIndex={0}>
      <JsonNode value={props.value} open />
    </div>
  );
}

function JsonNode(props: { label?: string; value: unknown; open?: boolean }): JSX.Element {
  const { label, value } = props;
  const [open, setOpen] = useState(props.open ?? false);
  const [shown, setShown] = useState(AT_ONCE);
  const name = label === undefined ? null : <span className="etiq-json-key">{label}: </span>;
  if (typeof value !== 'object' || value === null) {
    return (
      <div className="etiq-json-leaf">
        {name}
        <span className={`etiq-json-${value === null ? 'null' : typeof value}`}>
          {typeof value === 'string' ? JSON.stringify(value) : String(value)}
        </span>
      </div>
    );
  }
  const list = Array.isArray(value);
  const entries = Object.entries(value);
  const summary = list
    ? `[${count(entries.length, 'entry', 'entries')}]`
    : `{${count(entries.length, 'key')}}`;
  if (entries.length === 0) {
    return (
      <div className="etiq-json-leaf">
        {name}
        {list ? '[]' : '{}'}
      </div>
    );
  }
  return (
    <div>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Chevron open={open} />
        {name}
        <span className="etiq-quiet">{summary}</span>
      </button>
      {open && (
        <div className="etiq-json-inside">
          {entries.slice(0, shown).map(([key, child]) => (
            <JsonNode key={key} label={key} value={child} />
          ))}
          {entries.length > shown && (
            <button type="button" className="etiq-link" onClick={() => setShown(shown + 1000)}>
              Show more of {count(entries.length)}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
