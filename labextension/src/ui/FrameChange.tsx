import { Histogram } from './charts';
import { cell, count, metric } from './format';

/** A frame comparison as the other side makes it; its contents are others', so all is checked. */
type Detail = Record<string, unknown>;

export function isFrameComparison(detail: Detail): boolean {
  return detail.form === 'frame';
}

const record = (value: unknown): Detail =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Detail) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const records = (value: unknown): Detail[] => list(value).map(record);
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** Schema, rows added, removed and changed with the cells marked, and distributions overlaid. */
export function FrameChange(props: { detail: Detail; labels: [string, string] }): JSX.Element {
  const { detail, labels } = props;
  return (
    <div className="etiq-frame-change">
      <Counts detail={detail} />
      <Schema schema={record(detail.schema)} />
      <ChangedCells
        sample={records(detail.sample)}
        total={number(record(detail.rows).changed)}
        labels={labels}
      />
      <Rows
        title={`Rows only in ${labels[1]}`}
        className="etiq-cell-added"
        listed={record(detail.added_rows)}
        total={number(record(detail.rows).added)}
      />
      <Rows
        title={`Rows only in ${labels[0]}`}
        className="etiq-cell-removed"
        listed={record(detail.removed_rows)}
        total={number(record(detail.rows).removed)}
      />
      <Distributions columns={records(detail.columns)} labels={labels} />
    </div>
  );
}

function Counts({ detail }: { detail: Detail }): JSX.Element {
  const rows = record(detail.rows);
  const how = {
    key: `matched by ${cell(detail.key)}`,
    position: 'matched by position',
    content: 'matched by content'
  }[String(detail.matched_by)];
  const parts = ['added', 'removed', 'changed', 'same'].map(what => (
    <div key={what}>
      <dt>rows {what}</dt>
      <dd>{count(number(rows[what]))}</dd>
    </div>
  ));
  return (
    <dl className="etiq-facts">
      {parts}
      <div>
        <dt>rows</dt>
        <dd>
          {how ?? 'not matched'}
          {detail.reordered === true && ', in another order'}
        </dd>
      </div>
    </dl>
  );
}

function Schema({ schema }: { schema: Detail }): JSX.Element | null {
  const added = records(schema.added);
  const removed = records(schema.removed);
  const changed = records(schema.changed);
  if (added.length + removed.length + changed.length === 0 && schema.reordered !== true) {
    return null;
  }
  return (
    <ul className="etiq-schema" aria-label="Columns">
      {added.map(each => (
        <li key={`+${cell(each.name)}`} className="etiq-op-added">
          + {cell(each.name)} <span className="etiq-quiet">{cell(each.type)}</span>
        </li>
      ))}
      {removed.map(each => (
        <li key={`-${cell(each.name)}`} className="etiq-op-removed">
          − {cell(each.name)} <span className="etiq-quiet">{cell(each.type)}</span>
        </li>
      ))}
      {changed.map(each => (
        <li key={`~${cell(each.name)}`} className="etiq-op-changed">
          ~ {cell(each.name)}{' '}
          <span className="etiq-quiet">
            {cell(each.a)} → {cell(each.b)}
          </span>
        </li>
      ))}
      {schema.reordered === true && <li className="etiq-quiet">columns in another order</li>}
    </ul>
  );
}

/** Changed rows, a column for each column in which they differ; changed cells show both values. */
function ChangedCells(props: {
  sample: Detail[];
  total: number;
  labels: [string, string];
}): JSX.Element | null {
  const { sample, total } = props;
  if (sample.length === 0) {
    return null;
  }
  const columns = [
    ...new Set(sample.flatMap(row => records(row.cells).map(each => cell(each.column))))
  ];
  const keyed = sample.some(row => 'key' in row);
  return (
    <Listing title="Changed rows" shown={sample.length} total={total}>
      <thead>
        <tr>
          <th scope="col">{keyed ? 'key' : 'row'}</th>
          {columns.map(name => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {sample.map((row, index) => {
          const cells = new Map(records(row.cells).map(each => [cell(each.column), each]));
          return (
            <tr key={index}>
              <th scope="row">{keyed ? cell(row.key) : count(number(row.row_b))}</th>
              {columns.map(name => {
                const changed = cells.get(name);
                return changed === undefined ? (
                  <td key={name} className="etiq-quiet">
                    same
                  </td>
                ) : (
                  <td key={name} className="etiq-cell-changed">
                    <del>{shown(changed.a)}</del> <ins>{shown(changed.b)}</ins>
                  </td>
                );
              })}
            </tr>
          );
        })}
      </tbody>
    </Listing>
  );
}

function shown(value: unknown): string {
  return value === null ? 'null' : cell(value);
}

function Rows(props: {
  title: string;
  className: string;
  listed: Detail;
  total: number;
}): JSX.Element | null {
  const rows = list(props.listed.rows).map(list);
  const places = list(props.listed.places);
  if (rows.length === 0) {
    return null;
  }
  return (
    <Listing title={props.title} shown={rows.length} total={props.total}>
      <thead>
        <tr>
          <th scope="col">row</th>
          {list(props.listed.columns).map((name, index) => (
            <th key={index} scope="col">
              {cell(name)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={index} className={props.className}>
            <th scope="row">{cell(places[index])}</th>
            {row.map((value, at) => (
              <td key={at} className={typeof value === 'number' ? 'etiq-number' : undefined}>
                {shown(value)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </Listing>
  );
}

function Listing(props: {
  title: string;
  shown: number;
  total: number;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <div>
      <h3>
        {props.title}
        {props.total > props.shown && (
          <span className="etiq-quiet">
            {' '}
            (the first {count(props.shown)} of {count(props.total)})
          </span>
        )}
      </h3>
      <div className="etiq-table-scroll" tabIndex={0} role="group" aria-label={props.title}>
        <table className="etiq-table etiq-data">{props.children}</table>
      </div>
    </div>
  );
}

const FACTS = ['nulls', 'distinct', 'min', 'max', 'mean', 'std'];
const AT_MOST = 60;

/** Columns in which anything differs: changed cells, facts of both sides, histograms overlaid. */
function Distributions(props: { columns: Detail[]; labels: [string, string] }): JSX.Element | null {
  const { columns, labels } = props;
  if (columns.length === 0) {
    return null;
  }
  return (
    <div>
      <h3>
        Columns{' '}
        <span className="etiq-legend">
          <span className="etiq-legend-a" /> {labels[0]} <span className="etiq-legend-b" />{' '}
          {labels[1]}
        </span>
      </h3>
      <div className="etiq-table-scroll" tabIndex={0} role="group" aria-label="Columns compared">
        <table className="etiq-table etiq-data">
          <thead>
            <tr>
              <th scope="col">column</th>
              <th scope="col" className="etiq-number">
                changed cells
              </th>
              <th scope="col">distribution</th>
              {FACTS.map(fact => (
                <th key={fact} scope="col" className="etiq-number">
                  {fact}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {columns.slice(0, AT_MOST).map((column, index) => (
              <tr key={index}>
                <th scope="row">{cell(column.name)}</th>
                <td className="etiq-number">{count(number(column.changed))}</td>
                <td>
                  <Spread column={column} />
                </td>
                {FACTS.map(fact => (
                  <td key={fact} className="etiq-number">
                    {bothSides(column[fact])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {columns.length > AT_MOST && (
        <p className="etiq-quiet">{count(columns.length - AT_MOST)} further columns differ.</p>
      )}
    </div>
  );
}

function bothSides(value: unknown): string {
  const [a, b] = list(value);
  const text = (side: unknown): string => (typeof side === 'number' ? metric(side) : 'none');
  if (a === undefined && b === undefined) {
    return '';
  }
  return text(a) === text(b) ? text(a) : `${text(a)} → ${text(b)}`;
}

const WORDS = 3;

function Spread({ column }: { column: Detail }): JSX.Element | null {
  const histogram = record(column.histogram);
  const [a, b] = [list(histogram.a).map(number), list(histogram.b).map(number)];
  if (a.length > 0 || b.length > 0) {
    return <Histogram name={cell(column.name)} counts={a} other={b} />;
  }
  const top = records(column.top);
  if (top.length === 0) {
    return null;
  }
  return (
    <span
      title={top.map(each => `${cell(each.value)}: ${cell(each.a)} → ${cell(each.b)}`).join('\n')}
    >
      {top
        .slice(0, WORDS)
        .map(each => `${cell(each.value)} ${count(number(each.a))} → ${count(number(each.b))}`)
        .join(', ')}
      {top.length > WORDS && ', …'}
    </span>
  );
}
