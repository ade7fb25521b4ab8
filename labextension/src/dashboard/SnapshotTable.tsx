import type { SnapshotSummary } from '../api';
import {
  format,
  PlaceLink,
  RelativeTime,
  snapshotAddress,
  snapshotId,
  StateDot,
  type Marks
} from '../ui';
import { PLAIN_COLUMNS, type Columns, type PlainColumn } from './columns';
import { SortHead } from './SortHead';

interface TableProps {
  items: readonly SnapshotSummary[];
  columns: Columns;
  marks: Marks;
  sort: string;
  onSort(sort: string): void;
}

const SORTABLE: Partial<Record<PlainColumn, '' | '-'>> = { size: '-', created: '-' };
const NUMBERS: readonly PlainColumn[] = ['variables', 'size', 'new', 'duration'];

/** Snapshots as a dense table; the head stays in sight, two rows can be marked for comparing. */
export function SnapshotTable(props: TableProps): JSX.Element {
  const { columns, items } = props;
  return (
    <div className="table-box" tabIndex={0} role="group" aria-label="Snapshots">
      <table className="etiq-table list snapshots">
        <thead>
          <tr>
            <th scope="col">
              <span className="etiq-unseen">compare</span>
            </th>
            <th scope="col">id</th>
            <SortHead label="name" by="name" {...props} />
            {columns.metrics.map(name => (
              <SortHead
                key={name}
                label={name}
                by={`metric:${name}`}
                first="-"
                className="etiq-number"
                {...props}
              />
            ))}
            {columns.plain.map(name => (
              <PlainHead key={name} name={name} {...props} />
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map(item => (
            <Row key={item.id} item={item} {...props} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function PlainHead(props: { name: PlainColumn } & TableProps): JSX.Element {
  const { name } = props;
  const className = NUMBERS.includes(name) ? 'etiq-number' : undefined;
  const first = SORTABLE[name];
  return first === undefined ? (
    <th scope="col" className={className}>
      {PLAIN_COLUMNS[name]}
    </th>
  ) : (
    <SortHead
      label={PLAIN_COLUMNS[name]}
      by={name}
      first={first}
      className={className}
      {...props}
    />
  );
}

function Row(props: { item: SnapshotSummary } & TableProps): JSX.Element {
  const { item, columns, marks } = props;
  const marked = marks.ids.includes(item.id);
  return (
    <tr className={marked ? 'marked' : undefined}>
      <td>
        <input
          type="checkbox"
          aria-label={`Mark ${snapshotId(item)} to compare`}
          checked={marked}
          onChange={() => marks.toggle(item.id)}
        />
      </td>
      <td className="nowrap">
        <PlaceLink to={{ kind: 'snapshot', snapshot: snapshotAddress(item) }}>
          {snapshotId(item)}
        </PlaceLink>
      </td>
      <th scope="row" className="list-name">
        {item.failed && <StateDot state="failed" quiet />}{' '}
        {item.name || <span className="etiq-quiet">no name</span>}
      </th>
      {columns.metrics.map(name => (
        <td key={name} className="etiq-number">
          {name in item.metrics ? format.metric(item.metrics[name]) : ''}
        </td>
      ))}
      {columns.plain.map(name => (
        <td key={name} className={NUMBERS.includes(name) ? 'etiq-number' : 'list-cell'}>
          <PlainCell name={name} item={item} />
        </td>
      ))}
    </tr>
  );
}

function PlainCell({ name, item }: { name: PlainColumn; item: SnapshotSummary }): JSX.Element {
  switch (name) {
    case 'author':
      return <>{item.author}</>;
    case 'run':
      return <span title={item.run_name}>{item.run_name}</span>;
    case 'biggest':
      return item.biggest === null ? (
        <></>
      ) : (
        <span title={`${item.biggest.name} ${item.biggest.summary}`}>
          {item.biggest.name} <span className="etiq-quiet">{item.biggest.summary}</span>
        </span>
      );
    case 'variables':
      return <>{format.count(item.variables)}</>;
    case 'size':
      return <>{format.bytes(item.size)}</>;
    case 'new':
      return <>{format.bytes(item.new_bytes)}</>;
    case 'duration':
      return <>{format.duration(item.duration)}</>;
    case 'tags':
      return (
        <>
          {item.tags.map(tag => (
            <span key={tag} className="etiq-tag">
              {tag}
            </span>
          ))}
        </>
      );
    case 'created':
      return <RelativeTime time={item.created_at} sentence />;
  }
}
