import { useState } from 'react';

import { path, type Item } from '../api';
import { Histogram } from './charts';
import { cell, count, metric } from './format';
import { ErrorNotice, Loading } from './notices';
import { useResource } from './resource';

interface ColumnProfile {
  name: unknown;
  type: unknown;
  nulls?: unknown;
  distinct?: unknown;
  min?: unknown;
  max?: unknown;
  mean?: unknown;
  std?: unknown;
  histogram?: { counts?: unknown };
  top?: { value?: unknown; count?: unknown }[];
}

interface Profile {
  rows: number;
  columns: ColumnProfile[];
}

/** A frame's columns: type, nulls, distinct values, range and distribution; made when asked for. */
export function ColumnProfiles(props: { snapshot: string; item: Item }): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <div className="etiq-profiles">
      <button
        type="button"
        className="etiq-link"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {open ? 'Hide the profile per column' : 'Profile per column'}
      </button>
      {open && <Loaded {...props} />}
    </div>
  );
}

function Loaded(props: { snapshot: string; item: Item }): JSX.Element {
  const { snapshot, item } = props;
  const profile = useResource<Profile>(path('snapshots', snapshot, 'items', item.name, 'profile'));
  if (profile.error !== undefined) {
    return <ErrorNotice error={profile.error} onRetry={profile.reload} />;
  }
  return profile.data === undefined ? (
    <Loading what={`the profile of ${item.name}`} />
  ) : (
    <ProfileTable name={item.name} columns={profile.data.columns} />
  );
}

function ProfileTable(props: { name: string; columns: ColumnProfile[] }): JSX.Element {
  return (
    <div
      className="etiq-table-scroll"
      tabIndex={0}
      role="group"
      aria-label={`Profile of ${props.name}`}
    >
      <table className="etiq-table etiq-data">
        <thead>
          <tr>
            <th scope="col">column</th>
            <th scope="col">type</th>
            {['nulls', 'distinct', 'mean', 'std'].map(fact => (
              <th key={fact} scope="col" className="etiq-number">
                {fact}
              </th>
            ))}
            <th scope="col">range</th>
            <th scope="col">distribution</th>
          </tr>
        </thead>
        <tbody>
          {props.columns.map((column, index) => (
            <tr key={index}>
              <th scope="row">{cell(column.name)}</th>
              <td>{cell(column.type)}</td>
              <td className="etiq-number">{whole(column.nulls)}</td>
              <td className="etiq-number">{whole(column.distinct)}</td>
              <td className="etiq-number">{real(column.mean)}</td>
              <td className="etiq-number">{real(column.std)}</td>
              <td>{range(column)}</td>
              <td>
                <Spread column={column} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function whole(value: unknown): string {
  return typeof value === 'number' ? count(value) : '';
}

function real(value: unknown): string {
  return typeof value === 'number' ? metric(value) : '';
}

function range({ min, max }: ColumnProfile): string {
  if (min === undefined || max === undefined) {
    return '';
  }
  const text = (value: unknown): string =>
    typeof value === 'number' ? metric(value) : cell(value);
  return `${text(min)} – ${text(max)}`;
}

const WORDS = 4;

function Spread({ column }: { column: ColumnProfile }): JSX.Element | null {
  const counts = column.histogram?.counts;
  if (Array.isArray(counts)) {
    return <Histogram name={cell(column.name)} counts={counts.map(Number)} />;
  }
  if (!Array.isArray(column.top)) {
    return null;
  }
  const words = column.top.map(each => `${cell(each.value)} ${whole(each.count)}`);
  return (
    <span title={words.join('\n')}>
      {words.slice(0, WORDS).join(', ')}
      {words.length > WORDS && ', …'}
    </span>
  );
}
