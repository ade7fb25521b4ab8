import { useId, useRef, useState, type KeyboardEvent } from 'react';

import { complete, hints, wordAt, type Hint, type Known } from './query';

/** Where snapshots are searched: words, and a small language that the box itself explains. */
export function FilterBox(props: {
  value: string;
  onChange(value: string): void;
  known: Known;
  label?: string;
}): JSX.Element {
  const { value, onChange, known } = props;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const caret = input.current?.selectionStart ?? value.length;
  const [start, end] = wordAt(value, caret);
  const offered = open ? hints(value.slice(start, end), known) : [];

  const take = (hint: Hint): void => {
    const [text, at] = complete(value, caret, hint);
    onChange(text);
    setActive(-1);
    requestAnimationFrame(() => input.current?.setSelectionRange(at, at));
    input.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const chosen = offered[active];
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setOpen(true);
      const step = event.key === 'ArrowDown' ? 1 : -1;
      const n = offered.length + 1;
      setActive(((active + 1 + step + n) % n) - 1);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && chosen !== undefined) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === 'Enter') {
      setOpen(false);
    } else if (event.key === 'Escape') {
      if (open && offered.length > 0) {
        event.stopPropagation();
        setOpen(false);
      } else if (value !== '') {
        event.stopPropagation();
        onChange('');
      }
    }
  };

  return (
    <div className="etiq-filter">
      <input
        ref={input}
        className="etiq-input"
        type="search"
        role="combobox"
        aria-label={props.label ?? 'Filter snapshots'}
        aria-expanded={offered.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        placeholder="filter snapshots"
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={event => {
          onChange(event.target.value);
          setOpen(true);
          setActive(-1);
        }}
        onClick={() => setOpen(true)}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <ul
        id={id}
        role="listbox"
        aria-label="What can be asked"
        className="etiq-hints"
        hidden={offered.length === 0}
      >
        {offered.map((hint, index) => (
          <li
            key={hint.insert}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            // Before the input loses its focus.
            onPointerDown={event => {
              event.preventDefault();
              take(hint);
            }}
          >
            <code>{hint.insert}</code>
            <span className="etiq-quiet">{hint.meaning}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
