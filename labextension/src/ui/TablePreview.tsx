import { useState } from 'react';

import type { Column, Item, Preview } from '../api';
import { asProblem } from '../api';
import { cell, count } from './format';
import { ErrorNotice, Loading } from './notices';
import { previewPath } from './ItemPreview';
import { useResource, useSettled } from './resource';

const ROWS = 50;
const COLUMNS = 40;

/** A frame, page by page: the server sorts and filters, only one page is held here. */
export function TablePreview({ snapshot, item }: { snapshot: string; item: Item }): JSX.Element {
  const [offset, setOffset] = useState(0);
  const [sort, setSort] = useState('');
  const [filter, setFilter] = useState('');
  const [firstColumn, setFirstColumn] = useState(0);
  const settled = useSettled(filter.trim(), 400);
  const names = columnNames(item);
  const columns = names.length > COLUMNS ? names.slice(firstColumn, firstColumn + COLUMNS) : [];
  const page = useResource<Preview>(previewPath(snapshot, item.name), {
    offset,
    limit: ROWS,
    sort,
    filter: settled,
    columns: columns.length > 0 ? JSON.stringify(columns) : ''
  });
  const [last, setLast] = useState<Preview>();
  if (page.data !== undefined && page.data !== last) {
    setLast(page.data);
  }
  // A page that is asked for keeps the one before in place: the table does not jump.
  const shown = page.data ?? last;

  const indexed = shown?.columns.some(column => column.index) ?? false;

  if (page.error !== undefined && settled === '') {
    return <ErrorNotice error={page.error} onRetry={page.reload} />;
  }
  return (
    <div className="etiq-frame" aria-busy={page.loading}>
      <div className="etiq-frame-bar">
        <input
          className="etiq-input"
          type="search"
          aria-label={`Filter rows of ${item.name}`}
          placeholder="filter rows: age > 30"
          value={filter}
          onChange={event => {
            setFilter(event.target.value);
            setOffset(0);
          }}
        />
        {names.length > COLUMNS && (
          <Pager
            what="columns"
            offset={firstColumn}
            size={COLUMNS}
            total={names.length}
            onMove={setFirstColumn}
          />
        )}
        {shown && (
          <Pager what="rows" offset={offset} size={ROWS} total={shown.total} onMove={setOffset} />
        )}
      </div>
      {page.error !== undefined && (
        <p className="etiq-field-error" role="alert">
          {asProblem(page.error).what}
          {asProblem(page.error).why && ` (${asProblem(page.error).why})`}
        </p>
      )}
      {shown === undefined ? (
        <Loading what={item.name} />
      ) : (
        <div className="etiq-table-scroll" tabIndex={0} role="group" aria-label={item.name}>
          <table className="etiq-table etiq-data">
            <thead>
              <tr>
                {!indexed && (
                  <th scope="col">
                    <span className="etiq-unseen">row</span>
                  </th>
                )}
                {shown.columns.map((column, index) => (
                  <ColumnHead
                    key={index}
                    column={column}
                    sort={sort}
                    onSort={next => {
                      setSort(next);
                      setOffset(0);
                    }}
                  />
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.rows.map((row, index) => (
                <tr key={index}>
                  {!indexed && <th scope="row">{count(shown.offset + index)}</th>}
                  {row.map((value, at) => (
                    <Cell key={at} value={value} column={shown.columns[at]} />
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          {shown.rows.length === 0 && <p className="etiq-quiet">No rows.</p>}
        </div>
      )}
    </div>
  );
}

function columnNames(item: Item): string[] {
  const columns = item.detail.columns;
  if (!Array.isArray(columns)) {
    return [];
  }
  return columns.map((column: unknown) =>
    typeof column === 'object' && column !== null && 'name' in column
      ? String(column.name)
      : String(column)
  );
}

/** A header that sorts: ascending, descending, as stored. */
function ColumnHead(props: {
  column: Column;
  sort: string;
  onSort(sort: string): void;
}): JSX.Element {
  const { column, sort, onSort } = props;
  const direction =
    sort === column.name ? 'ascending' : sort === `-${column.name}` ? 'descending' : 'none';
  const next = { none: column.name, ascending: `-${column.name}`, descending: '' }[direction];
  return (
    <th
      scope="col"
      aria-sort={direction}
      className={column.align === 'right' ? 'etiq-number' : undefined}
    >
      <button type="button" title={`Sort by ${column.name}`} onClick={() => onSort(next)}>
        {column.name || ' '}
        <span aria-hidden="true">{{ none: '', ascending: ' ▲', descending: ' ▼' }[direction]}</span>
      </button>
      <span className="etiq-type">{column.type}</span>
    </th>
  );
}

function Cell({ value, column }: { value: unknown; column: Column | undefined }): JSX.Element {
  const text = cell(value);
  const className = [
    column?.align === 'right' ? 'etiq-number' : '',
    value === null ? 'etiq-null' : ''
  ]
    .join(' ')
    .trim();
  return column?.index ? (
    <th scope="row" className={className}>
      {text}
    </th>
  ) : (
    <td className={className || undefined} title={text.length > 40 ? text : undefined}>
      {value === null ? 'null' : text}
    </td>
  );
}

/** Where one is in a long list, and the ways on. */
export function Pager(props: {
  what: string;
  offset: number;
  size: number;
  total: number;
  onMove(offset: number): void;
}): JSX.Element {
  const { what, offset, size, total, onMove } = props;
  const last = Math.max(0, Math.floor((total - 1) / size) * size);
  const step = (label: string, sign: string, to: number, able: boolean): JSX.Element => (
    <button
      type="button"
      className="etiq-button etiq-button-small"
      aria-label={`${label} ${what}`}
      title={`${label} ${what}`}
      disabled={!able}
      onClick={() => onMove(to)}
    >
      {sign}
    </button>
  );
  return (
    <div className="etiq-pager">
      <span role="status">
        {what} {count(total === 0 ? 0 : offset + 1)}–{count(Math.min(total, offset + size))} of{' '}
        {count(total)}
      </span>
      {total > size && (
        <>
          {step('First', '«', 0, offset > 0)}
          {step('Previous', '‹', Math.max(0, offset - size), offset > 0)}
          {step('Next', '›', offset + size, offset + size < total)}
          {step('Last', '»', last, offset < last)}
        </>
      )}
    </div>
  );
}
