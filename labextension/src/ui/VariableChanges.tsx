import { Fragment, useState } from 'react';

import type { Item, SnapshotSummary, VariableChange } from '../api';
import { Chevron } from './controls';
import { bytes, count } from './format';
import { FrameChange, isFrameComparison } from './FrameChange';
import { ItemPreview } from './ItemPreview';
import { snapshotId } from './naming';
import { SwipePictures } from './SwipePictures';
import { ValueChange } from './ValueChange';

const ORDER = ['changed', 'added', 'removed', 'same'] as const;
const SIGNS = { changed: '~', added: '+', removed: '−', same: '=' };

/** `2 changed, 1 added, 5 the same`: the counts that are not zero. */
export function changeCounts(changes: readonly VariableChange[]): string {
  const words = ORDER.flatMap(status => {
    const n = changes.filter(each => each.status === status).length;
    return n === 0 ? [] : [`${count(n)} ${status === 'same' ? 'the same' : status}`];
  });
  return words.join(', ') || 'none';
}

interface Sides {
  a: SnapshotSummary;
  b: SnapshotSummary;
}

/** Variables of two snapshots: what changed first; each row unfolds to its comparison. */
export function VariableChanges(
  props: { changes: readonly VariableChange[]; unfolded?: boolean } & Sides
): JSX.Element {
  const { changes, a, b } = props;
  const [open, setOpen] = useState<ReadonlySet<string>>(
    new Set(props.unfolded ? changes.map(each => each.name) : [])
  );
  const [showSame, setShowSame] = useState(false);
  const shown = ORDER.flatMap(status =>
    status === 'same' && !showSame ? [] : changes.filter(each => each.status === status)
  );
  const same = changes.filter(each => each.status === 'same').length;
  const toggle = (name: string): void => {
    const next = new Set(open);
    if (!next.delete(name)) {
      next.add(name);
    }
    setOpen(next);
  };
  return (
    <>
      {shown.length > 0 && (
        <table className="etiq-table etiq-variables etiq-changes">
          <thead>
            <tr>
              <th scope="col">name</th>
              <th scope="col">change</th>
              <th scope="col">kind</th>
              <th scope="col">what</th>
              <th scope="col" className="etiq-number">
                {snapshotId(a)}
              </th>
              <th scope="col" className="etiq-number">
                {snapshotId(b)}
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map(each => (
              <Fragment key={each.name}>
                <ChangeRow
                  change={each}
                  open={open.has(each.name)}
                  onToggle={() => toggle(each.name)}
                />
                {open.has(each.name) && (
                  <tr className="etiq-unfolded">
                    <td colSpan={6}>
                      <ChangeDetail change={each} a={a} b={b} />
                    </td>
                  </tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
      )}
      {same > 0 && (
        <button
          type="button"
          className="etiq-link"
          aria-expanded={showSame}
          onClick={() => setShowSame(!showSame)}
        >
          {showSame ? 'Hide' : 'Show'} the {count(same)} that {same === 1 ? 'is' : 'are'} the same
        </button>
      )}
    </>
  );
}

function ChangeRow(props: {
  change: VariableChange;
  open: boolean;
  onToggle(): void;
}): JSX.Element {
  const { change, open } = props;
  const size = (item: Item | null): string =>
    item === null || item.size === 0 ? '' : bytes(item.size);
  return (
    <tr className={`etiq-changed-${change.status}`}>
      <th scope="row">
        <button type="button" className="etiq-unfold" aria-expanded={open} onClick={props.onToggle}>
          <Chevron open={open} />
          {change.name}
        </button>
      </th>
      <td>
        <span className={`etiq-op etiq-op-${change.status}`}>
          <span aria-hidden="true">{SIGNS[change.status]}</span> {change.status}
        </span>
      </td>
      <td>{change.kind}</td>
      <td className="etiq-ellipsis">{change.summary || summaries(change)}</td>
      <td className="etiq-number">{size(change.a)}</td>
      <td className="etiq-number">{size(change.b)}</td>
    </tr>
  );
}

function summaries({ a, b }: VariableChange): string {
  if (a !== null && b !== null && a.summary !== b.summary) {
    return `${a.summary} → ${b.summary}`;
  }
  return (b ?? a)?.summary ?? '';
}

function ChangeDetail(props: { change: VariableChange } & Sides): JSX.Element {
  const { change, a, b } = props;
  if (change.detail.form === 'picture') {
    return (
      <SwipePictures
        name={change.name}
        a={{ label: snapshotId(a), preview: change.detail.a }}
        b={{ label: snapshotId(b), preview: change.detail.b }}
      />
    );
  }
  const labels: [string, string] = [snapshotId(a), snapshotId(b)];
  if (isFrameComparison(change.detail)) {
    return <FrameChange detail={change.detail} labels={labels} />;
  }
  const sides = (
    <div className="etiq-sides">
      {change.a && <Side label={labels[0]} snapshot={a.id} item={change.a} />}
      {change.b && change.status !== 'same' && (
        <Side label={labels[1]} snapshot={b.id} item={change.b} />
      )}
    </div>
  );
  return (
    <>
      <ValueChange detail={change.detail} labels={labels} />
      {change.detail.form !== 'text' && sides}
    </>
  );
}

function Side(props: { label: string; snapshot: string; item: Item }): JSX.Element {
  return (
    <section aria-label={props.label}>
      <h3>{props.label}</h3>
      <ItemPreview snapshot={props.snapshot} item={props.item} />
    </section>
  );
}
