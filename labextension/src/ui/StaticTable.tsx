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

export function StaticTable(props: { table: PlainTable; name: string }): JSX.Element {
  const { header, rows, caption } = props.table;
  return (
    <div className="etiq-table-scroll" tabIndex={0} role="region" aria-label={props.name}>
      <table className="etiq-table etiq-data">
        <thead>
          {header.map((cells, index) => (
            <tr key={index}>
              {cells.map((text, at) => (
                <th key={at} scope="col">
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
                  <td key={at} className={NUMBER.test(text) ? 'etiq-number' : undefined}>
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
