import { Fragment, useMemo, useState } from 'react';

import type { Item, Link, SnapshotDetail } from '../api';
import { PlaceLink } from './context';
import { ColumnProfiles } from './ColumnProfiles';
import { Chevron } from './controls';
import { bytes, count, metric } from './format';
import { ItemPreview } from './ItemPreview';
import { snapshotAddress, snapshotTitle } from './naming';

interface VariableRow {
  item: Item;
  /** The snapshot that holds the item. */
  holder: string;
  /** The snapshot that it came from, if it was made elsewhere. */
  from: Link | null;
}

/** What the cell made and what it read; each row unfolds to a preview. */
export function VariablesTable(props: {
  snapshot: SnapshotDetail;
  /** Parents whole, as far as they are loaded: they tell what the read variables are. */
  parents: ReadonlyMap<string, SnapshotDetail>;
  narrow?: boolean;
}): JSX.Element {
  const rows = useMemo(
    () => variableRows(props.snapshot, props.parents),
    [props.snapshot, props.parents]
  );
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (name: string): void =>
    setOpen(now => {
      const next = new Set(now);
      if (!next.delete(name)) {
        next.add(name);
      }
      return next;
    });
  if (rows.length === 0) {
    return <p className="etiq-quiet">The cell bound and changed no variables.</p>;
  }
  return (
    <table className="etiq-table etiq-variables">
      <thead>
        <tr>
          <th scope="col">name</th>
          <th scope="col">kind</th>
          {!props.narrow && <th scope="col">type</th>}
          <th scope="col">value</th>
          <th scope="col" className="etiq-number">
            size
          </th>
          {!props.narrow && <th scope="col">from</th>}
        </tr>
      </thead>
      <tbody>
        {rows.map(row => (
          <Fragment key={row.item.name}>
            <Row row={row} narrow={props.narrow} open={open.has(row.item.name)} onToggle={toggle} />
            {open.has(row.item.name) && (
              <tr className="etiq-unfolded">
                <td colSpan={props.narrow ? 4 : 6}>
                  <ItemDetail item={row.item} />
                  <ItemPreview snapshot={row.holder} item={row.item} />
                  {row.item.kind === 'frame' && row.item.reason === '' && (
                    <ColumnProfiles snapshot={row.holder} item={row.item} />
                  )}
                </td>
              </tr>
            )}
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

/** Variables made here first, in the order of the cell; then those that were read and not changed. */
export function variableRows(
  snapshot: SnapshotDetail,
  parents: ReadonlyMap<string, SnapshotDetail>
): VariableRow[] {
  const made = snapshot.items
    .filter(item => item.role === 'variable')
    .map(item => ({ item, holder: snapshot.id, from: null }));
  const names = new Set(made.map(row => row.item.name));
  const read: VariableRow[] = [];
  for (const link of snapshot.parents) {
    for (const name of link.items) {
      const item = parents.get(link.id)?.items.find(each => each.name === name);
      if (item !== undefined && !names.has(name)) {
        names.add(name);
        read.push({ item, holder: link.id, from: link });
      }
    }
  }
  return [...made, ...read];
}

function Row(props: {
  row: VariableRow;
  narrow?: boolean;
  open: boolean;
  onToggle(name: string): void;
}): JSX.Element {
  const { item, from } = props.row;
  const summary = item.reason ? `not kept: ${item.reason}` : item.summary;
  return (
    <tr className={item.reason ? 'etiq-not-kept' : undefined}>
      <th scope="row">
        <button
          type="button"
          className="etiq-unfold"
          aria-expanded={props.open}
          onClick={() => props.onToggle(item.name)}
        >
          <Chevron open={props.open} />
          {item.name}
        </button>
      </th>
      <td>{item.kind}</td>
      {!props.narrow && <td className="etiq-ellipsis">{item.type}</td>}
      <td className="etiq-ellipsis" title={summary}>
        {item.same_as ? `same as ${item.same_as}` : summary}
      </td>
      <td className="etiq-number">{item.size > 0 ? bytes(item.size) : ''}</td>
      {!props.narrow && (
        <td>
          {from === null ? (
            <span className="etiq-quiet">here</span>
          ) : (
            <PlaceLink to={{ kind: 'snapshot', snapshot: snapshotAddress(from) }}>
              {snapshotTitle(from)}
            </PlaceLink>
          )}
        </td>
      )}
    </tr>
  );
}

/** What the codec says of a value: a frame's columns, a model's parameters, an array's shape. */
function ItemDetail({ item }: { item: Item }): JSX.Element | null {
  const facts = Object.entries(item.detail).filter(
    ([, value]) => ['string', 'number', 'boolean'].includes(typeof value) || isShort(value)
  );
  const parameters = item.detail.parameters ?? item.detail.params;
  return (
    <div className="etiq-detail">
      {facts.length > 0 && <Facts entries={facts} />}
      {typeof parameters === 'object' && parameters !== null && (
        <Facts entries={Object.entries(parameters)} title="Parameters" />
      )}
    </div>
  );
}

function isShort(value: unknown): boolean {
  return Array.isArray(value) && value.length <= 8 && value.every(part => typeof part !== 'object');
}

function Facts(props: { entries: [string, unknown][]; title?: string }): JSX.Element {
  return (
    <dl className="etiq-facts" aria-label={props.title}>
      {props.entries.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{factText(name, value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function factText(name: string, value: unknown): string {
  if (name === 'shape' && Array.isArray(value)) {
    return value.map(n => count(Number(n))).join(' × ');
  }
  if (typeof value === 'number') {
    return metric(value);
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}
