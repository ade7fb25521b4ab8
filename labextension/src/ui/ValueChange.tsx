import type { SourceLine } from '../api';
import { cell, count, metric } from './format';
import { SourceDiff } from './SourceView';

type Detail = Record<string, unknown>;

const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const pair = (value: unknown): [unknown, unknown] => [list(value)[0], list(value)[1]];

/** How two arrays, plain values or texts differ; null where there is nothing to add to the facts. */
export function ValueChange({
  detail,
  labels
}: {
  detail: Detail;
  labels: [string, string];
}): JSX.Element | null {
  if (typeof detail.error === 'string') {
    return <p className="etiq-field-error">{detail.error}</p>;
  }
  switch (detail.form) {
    case 'array':
      return <ArrayChange detail={detail} />;
    case 'plain':
      return <PlainChange detail={detail} labels={labels} />;
    case 'text':
      return <SourceDiff lines={unified(list(detail.lines).map(String))} />;
    default:
      return null;
  }
}

function ArrayChange({ detail }: { detail: Detail }): JSX.Element {
  const shape = (value: unknown): string => list(value).map(cell).join(' × ') || 'scalar';
  const [a, b] = pair(detail.shape);
  const [typeA, typeB] = pair(detail.dtype).map(cell);
  const [valueA, valueB] = pair(detail.values).map(cell);
  const facts: [string, string][] = [
    ['shape', shape(a) === shape(b) ? shape(a) : `${shape(a)} → ${shape(b)}`],
    ['type', typeA === typeB ? (typeA ?? '') : `${typeA} → ${typeB}`]
  ];
  if (typeof detail.changed === 'number') {
    facts.push(['elements changed', count(detail.changed)]);
  }
  if (typeof detail.largest === 'number') {
    facts.push([
      'largest difference',
      `${metric(detail.largest)} at [${list(detail.at).map(cell).join(', ')}]: ${valueA} → ${valueB}`
    ]);
  }
  if (typeof detail.mean === 'number') {
    facts.push(['mean difference', metric(detail.mean)]);
  }
  return (
    <dl className="etiq-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function PlainChange({
  detail,
  labels
}: {
  detail: Detail;
  labels: [string, string];
}): JSX.Element | null {
  const changes = list(detail.changes) as Detail[];
  if (changes.length === 0) {
    return null;
  }
  return (
    <div className="etiq-table-scroll" tabIndex={0} role="group" aria-label="Entries that differ">
      <table className="etiq-table etiq-data">
        <thead>
          <tr>
            <th scope="col">entry</th>
            <th scope="col">{labels[0]}</th>
            <th scope="col">{labels[1]}</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((each, index) => (
            <tr key={index}>
              <th scope="row">{cell(each.path) || 'the value'}</th>
              <td className={each.what === 'removed' ? 'etiq-cell-removed' : undefined}>
                {cell(each.a)}
              </td>
              <td className={each.what === 'removed' ? undefined : 'etiq-cell-added'}>
                {cell(each.b)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {detail.truncated === true && <p className="etiq-quiet">Further entries differ.</p>}
    </div>
  );
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)/;

/** Lines of a unified diff with their numbers. */
export function unified(lines: readonly string[]): SourceLine[] {
  const made: SourceLine[] = [];
  let [a, b] = [1, 1];
  for (const line of lines) {
    const hunk = HUNK.exec(line);
    if (hunk) {
      [a, b] = [Number(hunk[1]), Number(hunk[2])];
      continue;
    }
    const op = line.startsWith('+') ? '+' : line.startsWith('-') ? '-' : ' ';
    const both = op === ' ';
    made.push({ op, text: line.slice(1), a: op === '+' ? 0 : a, b: op === '-' ? 0 : b });
    a += both || op === '-' ? 1 : 0;
    b += both || op === '+' ? 1 : 0;
  }
  return made;
}
