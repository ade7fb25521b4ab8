/** A column's head that sorts the whole list, not only what is loaded. */
export function SortHead(props: {
  label: string;
  by: string;
  sort: string;
  /** `-`: the first click sorts descending, as one wants newest and largest first. */
  first?: '' | '-';
  className?: string;
  onSort(sort: string): void;
}): JSX.Element {
  const { by, sort, first = '' } = props;
  const direction = sort === by ? 'ascending' : sort === `-${by}` ? 'descending' : 'none';
  const other = first === '-' ? by : `-${by}`;
  const next = sort === first + by ? other : first + by;
  return (
    <th scope="col" aria-sort={direction} className={props.className}>
      <button type="button" className="sort" onClick={() => props.onSort(next)}>
        {props.label}
        <span aria-hidden="true" className="sort-sign">
          {{ ascending: '▲', descending: '▼', none: '' }[direction]}
        </span>
      </button>
    </th>
  );
}
