import type { Link, SnapshotDetail } from '../api';
import { PlaceLink } from './context';
import { snapshotAddress, snapshotTitle } from './naming';

/** Where a snapshot's inputs come from and where its items went, left to right. */
export function LineageStrip({ snapshot }: { snapshot: SnapshotDetail }): JSX.Element {
  const { parents, children } = snapshot;
  if (parents.length === 0 && children.length === 0) {
    return (
      <p className="etiq-quiet">
        The cell read nothing that another snapshot wrote, and no other read what it wrote.
      </p>
    );
  }
  return (
    <div className="etiq-lineage" tabIndex={0} role="group" aria-label="Lineage">
      {parents.length > 0 && (
        <>
          <Links links={parents} label="Read from" />
          <Arrow />
        </>
      )}
      <div className="etiq-lineage-here" aria-current="true">
        {snapshotTitle(snapshot)}
      </div>
      {children.length > 0 && (
        <>
          <Arrow />
          <Links links={children} label="Read by" />
        </>
      )}
    </div>
  );
}

function Links(props: { links: readonly Link[]; label: string }): JSX.Element {
  return (
    <ul aria-label={props.label}>
      {props.links.map(link => (
        <li key={link.id}>
          <PlaceLink to={{ kind: 'snapshot', snapshot: snapshotAddress(link) }}>
            {snapshotTitle(link)}
          </PlaceLink>
          <span className="etiq-quiet"> {link.items.join(', ')}</span>
        </li>
      ))}
    </ul>
  );
}

function Arrow(): JSX.Element {
  return (
    <svg viewBox="0 0 24 12" width="24" height="12" className="etiq-arrow" aria-hidden="true">
      <path d="M1 6h20m-5-4.5L21 6l-5 4.5" fill="none" stroke="currentColor" strokeWidth="1.4" />
    </svg>
  );
}
