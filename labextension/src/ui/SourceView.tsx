import { useMemo } from 'react';

import type { SourceLine } from '../api';
import { changedLines } from './lines';
import { highlight, type SourceToken } from './python';

function Tokens(props: { tokens: readonly SourceToken[] }): JSX.Element {
  return (
    <>
      {props.tokens.map((token, index) =>
        token.kind === 'plain' ? (
          token.text
        ) : (
          <span key={index} className={`etiq-py-${token.kind}`}>
            {token.text}
          </span>
        )
      )}
      {props.tokens.length === 0 && '\n'}
    </>
  );
}

/** A cell's source with line numbers; lines that differ from `previous` are marked. */
export function SourceView(props: {
  source: string;
  previous?: string | null;
  previousName?: string;
}): JSX.Element {
  const lines = useMemo(() => highlight(props.source), [props.source]);
  const changed = useMemo(
    () => (props.previous == null ? [] : changedLines(props.previous, props.source)),
    [props.previous, props.source]
  );
  const mark = `Changed since ${props.previousName ?? 'the last snapshot of this cell'}`;
  return (
    <div className="etiq-source" tabIndex={0} role="group" aria-label="Source">
      <table role="presentation">
        <tbody>
          {lines.map((tokens, index) => (
            <tr key={index} className={changed[index] ? 'etiq-line-changed' : undefined}>
              <td className="etiq-line-number" data-line={index + 1} />
              <td className="etiq-line-mark" title={changed[index] ? mark : undefined}>
                {changed[index] && <span className="etiq-unseen">{mark}: </span>}
              </td>
              <td className="etiq-line">
                <Tokens tokens={tokens} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const UNCHANGED_AROUND = 3;
interface Folded {
  lines: SourceLine[];
  hidden: boolean;
}

/** Runs of unchanged lines far from any change are folded. */
export function foldUnchanged(lines: readonly SourceLine[]): Folded[] {
  const near = new Array<boolean>(lines.length).fill(false);
  lines.forEach((line, index) => {
    if (line.op !== ' ') {
      const last = Math.min(lines.length - 1, index + UNCHANGED_AROUND);
      near.fill(true, Math.max(0, index - UNCHANGED_AROUND), last + 1);
    }
  });
  const groups: Folded[] = [];
  lines.forEach((line, index) => {
    const group = groups[groups.length - 1];
    if (group !== undefined && group.hidden === !near[index]) {
      group.lines.push(line);
    } else {
      groups.push({ lines: [line], hidden: !near[index] });
    }
  });
  // Folding one or two lines saves nothing.
  return groups.map(group => ({ ...group, hidden: group.hidden && group.lines.length > 2 }));
}

const OPS = { ' ': '', '+': 'Added: ', '-': 'Removed: ' };

/** Two sources as one list of lines: removed, added, the same. */
export function SourceDiff(props: { lines: readonly SourceLine[] }): JSX.Element {
  const groups = useMemo(() => foldUnchanged(props.lines), [props.lines]);
  return (
    <div className="etiq-source" tabIndex={0} role="group" aria-label="Source, compared">
      <table role="presentation">
        {groups.map((group, index) =>
          group.hidden ? (
            <tbody key={index}>
              <tr className="etiq-line-folded">
                <td colSpan={4}>{group.lines.length} lines the same</td>
              </tr>
            </tbody>
          ) : (
            <tbody key={index}>
              {group.lines.map((line, at) => (
                <tr
                  key={at}
                  className={
                    line.op === '+'
                      ? 'etiq-line-added'
                      : line.op === '-'
                        ? 'etiq-line-removed'
                        : undefined
                  }
                >
                  <td className="etiq-line-number" data-line={line.a || ''} />
                  <td className="etiq-line-number" data-line={line.b || ''} />
                  <td className="etiq-line-op">
                    <span aria-hidden="true">{line.op}</span>
                    <span className="etiq-unseen">{OPS[line.op]}</span>
                  </td>
                  <td className="etiq-line">
                    <Tokens tokens={highlight(line.text)[0] ?? []} />
                  </td>
                </tr>
              ))}
            </tbody>
          )
        )}
      </table>
    </div>
  );
}
