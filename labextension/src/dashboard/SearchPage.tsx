import type { Project, SnapshotSummary } from '../api';
import {
  ErrorNotice,
  format,
  Loading,
  PlaceLink,
  RelativeTime,
  sendable,
  snapshotAddress,
  snapshotId,
  StateDot,
  useResource,
  useSettled
} from '../ui';
import { Page } from './page';
import { go, useAddress, withQuery } from './router';

interface Found {
  projects: Project[];
  snapshots: SnapshotSummary[];
}

/** Search in everything that one may see; an id leads straight there. */
export function SearchPage(): JSX.Element {
  const url = useAddress();
  const q = url.searchParams.get('q') ?? '';
  const settled = sendable(useSettled(q));
  const found = useResource<Found>(settled === '' ? null : '/search', { q: settled });
  const nothing =
    found.data !== undefined &&
    found.data.projects.length === 0 &&
    found.data.snapshots.length === 0;
  return (
    <Page title={q === '' ? 'Search' : `Search ${q}`} heading="Search">
      <div className="toolbar search">
        <input
          className="etiq-input"
          type="search"
          autoFocus
          aria-label="Search projects and snapshots"
          placeholder="name, tag, variable, source text or id (SNP-42)"
          value={q}
          onChange={event => go(withQuery(url, { q: event.target.value }), 'replace')}
        />
      </div>
      {settled === '' && (
        <p className="etiq-quiet description">
          Finds what you own and what is shared with you. Narrow it down with{' '}
          <code>tag:baseline</code>, <code>author:ana</code>, <code>metric.acc&gt;0.9</code> or{' '}
          <code>failed:yes</code>.
        </p>
      )}
      {found.error !== undefined && <ErrorNotice error={found.error} onRetry={found.reload} />}
      {found.loading && settled !== '' && <Loading what="results" />}
      {nothing && (
        <p role="status">
          Nothing of yours, or shared with you, matches <b>{settled}</b>.
        </p>
      )}
      {found.data && found.data.projects.length > 0 && (
        <section className="results" aria-label="Projects">
          <h2>Projects</h2>
          <ul>
            {found.data.projects.map(project => (
              <li key={project.id}>
                <PlaceLink to={{ kind: 'project', project: project.short_id || project.id }}>
                  {project.name}
                </PlaceLink>{' '}
                <span className="etiq-quiet">
                  {project.short_id}, {format.count(project.snapshots, 'snapshot')}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {found.data && found.data.snapshots.length > 0 && <Snapshots items={found.data.snapshots} />}
    </Page>
  );
}

function Snapshots({ items }: { items: readonly SnapshotSummary[] }): JSX.Element {
  return (
    <section className="results" aria-label="Snapshots">
      <h2>Snapshots</h2>
      <table className="etiq-table list">
        <thead>
          <tr>
            <th scope="col">id</th>
            <th scope="col">name</th>
            <th scope="col">project</th>
            <th scope="col">by</th>
            <th scope="col">created</th>
          </tr>
        </thead>
        <tbody>
          {items.map(item => (
            <tr key={item.id}>
              <td className="nowrap">
                <PlaceLink to={{ kind: 'snapshot', snapshot: snapshotAddress(item) }}>
                  {snapshotId(item)}
                </PlaceLink>
              </td>
              <th scope="row">
                {item.failed && <StateDot state="failed" quiet />} {item.name}
              </th>
              <td>{item.project_name}</td>
              <td>{item.author}</td>
              <td>
                <RelativeTime time={item.created_at} sentence />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
