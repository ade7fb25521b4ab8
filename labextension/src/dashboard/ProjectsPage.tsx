import { useEffect, useRef } from 'react';

import type { Project } from '../api';
import {
  ErrorNotice,
  format,
  Loading,
  MoreButton,
  PlaceLink,
  RelativeTime,
  Sparkline,
  useEvents,
  usePages,
  useSettled
} from '../ui';
import { FirstStart } from './FirstStart';
import { Page } from './page';
import { go, useAddress, withQuery } from './router';
import { SortHead } from './SortHead';

type Owned = '' | 'mine' | 'shared';
const OWNED: [Owned, string][] = [
  ['', 'All'],
  ['mine', 'Mine'],
  ['shared', 'Shared with me']
];

/** All projects that one may see, as a table; the way to start while there is none. */
export function ProjectsPage(): JSX.Element {
  const url = useAddress();
  const q = url.searchParams.get('q') ?? '';
  const owned = url.searchParams.get('owned') ?? '';
  const sort = url.searchParams.get('sort') ?? '-activity';
  const query = useSettled(q);
  const pages = usePages<Project>('/projects', { q: query, owned, sort });
  useReloadOnChange(pages.reload);
  const set = (changes: Record<string, string>): void => go(withQuery(url, changes), 'replace');
  const unfiltered = query === '' && owned === '';

  if (unfiltered && pages.empty) {
    return <FirstStart />;
  }
  return (
    <Page title="Projects">
      <div className="toolbar">
        <input
          className="etiq-input"
          type="search"
          aria-label="Filter projects"
          placeholder="filter projects"
          value={q}
          onChange={event => set({ q: event.target.value })}
        />
        <div className="etiq-segments" role="group" aria-label="Whose projects">
          {OWNED.map(([value, label]) => (
            <button
              key={value}
              type="button"
              aria-pressed={owned === value}
              onClick={() => set({ owned: value })}
            >
              {label}
            </button>
          ))}
        </div>
        <span className="etiq-quiet" role="status">
          {format.count(pages.total, 'project')}
        </span>
      </div>
      {pages.error !== undefined && <ErrorNotice error={pages.error} onRetry={pages.reload} />}
      {pages.loading && pages.items.length === 0 && !pages.empty && <Loading what="projects" />}
      {pages.items.length > 0 && (
        <ProjectTable
          projects={pages.items}
          sort={sort}
          onSort={next => set({ sort: next === '-activity' ? '' : next })}
        />
      )}
      {pages.empty && (
        <p className="etiq-quiet">No project matches. Clear the filter to see all.</p>
      )}
      {pages.more && <MoreButton pages={pages} />}
    </Page>
  );
}

/** Projects come, change and get snapshots: ask again, once for a burst. */
function useReloadOnChange(reload: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => () => clearTimeout(timer.current), []);
  useEvents(event => {
    if (event.kind !== 'token') {
      clearTimeout(timer.current);
      timer.current = setTimeout(reload, 300);
    }
  });
}

function ProjectTable(props: {
  projects: readonly Project[];
  sort: string;
  onSort(sort: string): void;
}): JSX.Element {
  return (
    <table className="etiq-table list projects">
      <thead>
        <tr>
          <SortHead label="name" by="name" {...props} />
          <th scope="col" className="wide-only">
            owner
          </th>
          <th scope="col">role</th>
          <th scope="col" className="etiq-number">
            snapshots
          </th>
          <th scope="col" className="wide-only">
            pinned metric
          </th>
          <SortHead label="last activity" by="activity" first="-" {...props} />
        </tr>
      </thead>
      <tbody>
        {props.projects.map(project => (
          <tr key={project.id}>
            <th scope="row">
              <PlaceLink to={{ kind: 'project', project: project.short_id || project.id }}>
                {project.name}
              </PlaceLink>
              {project.description && (
                <div className="etiq-quiet list-note">{project.description}</div>
              )}
            </th>
            <td className="wide-only">{project.owner?.username}</td>
            <td>{project.role}</td>
            <td className="etiq-number">{format.count(project.snapshots)}</td>
            <td className="wide-only">
              <PinnedMetric project={project} />
            </td>
            <td>
              <RelativeTime time={project.last_activity ?? project.created_at} sentence />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function PinnedMetric({ project }: { project: Project }): JSX.Element | null {
  const name = project.pinned[0];
  const last = project.spark[project.spark.length - 1];
  if (name === undefined || last === undefined) {
    return null;
  }
  return (
    <span className="pinned">
      <span>
        {name} <b>{format.metric(last)}</b>
      </span>
      <Sparkline values={project.spark} name={name} />
    </span>
  );
}
