import { useMemo } from 'react';

/** A table that a notebook displayed, taken out of its HTML as text. */
export interface PlainTable {
  header: string[][];
  rows: { cells: string[]; headings: number }[];
  caption: string;
}

const LARGEST = 2_000_000;

/**
 * The table in a data frame's HTML, or null if it is something else or uses what text cannot say
 * (spans, pictures, its own colours). The parser makes an inert document: nothing in it loads or runs.
 */
export function plainTable(html: string): PlainTable | null {
  if (html.length > LARGEST || !/<table[^>]*class="[^"]*\bdataframe\b/.test(html)) {
    return null;
  }
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  const table = parsed.querySelector('table.dataframe');
  const special = 'table.dataframe :is([rowspan], [colspan], img, svg, table, [style*=color])';
  if (
    table === null ||
    parsed.querySelectorAll('table').length !== 1 ||
    parsed.querySelector(special)
  ) {
    return null;
  }
  const cellsOf = (row: Element): string[] =>
    Array.from(row.children, cell => (cell.textContent ?? '').trim());
  return {
    header: Array.from(table.querySelectorAll('thead > tr'), cellsOf),
    rows: Array.from(table.querySelectorAll('tbody > tr'), row => ({
      cells: cellsOf(row),
      headings: row.querySelectorAll(':scope > th').length
    })),
    caption: (table.nextElementSibling?.textContent ?? '').trim()
  };
}

const NUMBER = /^[-+\u2212]?[\d.,]+(e[-+]?\d+)?%?$|^(nan|-?inf|\.\.\.)$/i;

/** Columns that hold only numbers: they read best on the right. */
function numberColumns({ rows }: PlainTable): Set<number> {
  const width = Math.max(0, ...rows.map(row => row.cells.length));
  const columns = Array.from({ length: width }, (_, at) => at);
  return new Set(
    columns.filter(at => rows.every(row => at >= row.headings && NUMBER.test(row.cells[at] ?? '')))
  );
}

export function StaticTable(props: { table: PlainTable; name: string }): JSX.Element {
  const { header, rows, caption } = props.table;
  const numbers = useMemo(() => numberColumns(props.table), [props.table]);
  return (
    <div className="etiq-table-scroll" tabIndex={0} role="group" aria-label={props.name}>
      <table className="etiq-table etiq-data">
        <thead>
          {header.map((cells, index) => (
            <tr key={index}>
              {cells.map((text, at) => (
                <th key={at} scope="col" className={numbers.has(at) ? 'etiq-number' : undefined}>
                  {text}
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.cells.map((text, at) =>
                at < row.headings ? (
                  <th key={at} scope="row">
                    {text}
                  </th>
                ) : (
                  <td key={at} className={numbers.has(at) ? 'etiq-number' : undefined}>
                    {text}
                  </td>
                )
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {caption && <p className="etiq-quiet">{caption}</p>}
    </div>
  );
}
