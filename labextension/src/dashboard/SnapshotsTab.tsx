import { useMemo } from 'react';

import { path, type Project, type SnapshotSummary } from '../api';
import {
  EmptyState,
  FilterBox,
  format,
  LineChart,
  Loading,
  MarkBar,
  MoreButton,
  QueryFault,
  sendable,
  snapshotAddress,
  snapshotTitle,
  useKnown,
  useMarks,
  useNavigation,
  usePages,
  useReloadOnSnapshots,
  useSettled,
  type ChartPoint
} from '../ui';
import { ColumnMenu, readColumns } from './columns';
import { go, useAddress, withQuery } from './router';
import { SnapshotTable } from './SnapshotTable';

const PAGE = 100;

/** The snapshots of a project: filter, chart, table; all that is chosen is in the address. */
export function SnapshotsTab({ project }: { project: Project }): JSX.Element {
  const url = useAddress();
  const q = url.searchParams.get('q') ?? '';
  const sort = url.searchParams.get('sort') ?? '-created';
  const run = url.searchParams.get('run') ?? '';
  const settled = sendable(useSettled(q));
  const pages = usePages<SnapshotSummary>(
    path('projects', project.id, 'snapshots'),
    { q: settled, sort, run },
    PAGE
  );
  useReloadOnSnapshots(project.id, pages.reload);
  const known = useKnown(pages.items);
  const marks = useMarks(pages.items);
  const metrics = useMemo(
    () => [...new Set([...project.pinned, ...known.metrics])],
    [project.pinned, known.metrics]
  );
  const columns = readColumns(url.searchParams.get('cols'), metrics);
  const set = (changes: Record<string, string>): void => go(withQuery(url, changes), 'replace');

  if (pages.empty && settled === '' && run === '') {
    return <NoSnapshots project={project} />;
  }
  return (
    <>
      <div className="toolbar">
        <FilterBox value={q} onChange={value => set({ q: value })} known={known} />
        {run !== '' && (
          <span className="etiq-tag">
            {run}
            <button
              type="button"
              aria-label={`Show all runs, not only ${run}`}
              onClick={() => set({ run: '' })}
            >
              ×
            </button>
          </span>
        )}
        <ColumnMenu columns={columns} metrics={metrics} onChange={cols => set({ cols })} />
        <span className="etiq-quiet" role="status">
          {format.count(pages.total, 'snapshot')}
        </span>
      </div>
      <QueryFault error={pages.error} onRetry={pages.reload} />
      <MarkBar marks={marks} />
      {pages.loading && pages.items.length === 0 && !pages.empty && <Loading what="snapshots" />}
      {pages.items.length > 0 && (
        <>
          <MetricChart
            items={pages.items}
            metrics={metrics}
            chosen={url.searchParams.get('chart')}
            onChoose={chart => set({ chart })}
          />
          <SnapshotTable
            items={pages.items}
            columns={columns}
            marks={marks}
            sort={sort}
            onSort={next => set({ sort: next === '-created' ? '' : next })}
          />
        </>
      )}
      {pages.empty && (
        <EmptyState
          title="No snapshot matches the filter."
          action={{ label: 'Clear the filter', run: () => set({ q: '', run: '' }) }}
        />
      )}
      {pages.more && <MoreButton pages={pages} />}
    </>
  );
}

function NoSnapshots({ project }: { project: Project }): JSX.Element {
  return project.role === 'viewer' ? (
    <EmptyState
      title="No snapshots in this project yet."
      hint="Its editors' snapshots appear here as they arrive."
    />
  ) : (
    <EmptyState
      title="No snapshots in this project yet."
      hint={
        <>
          In a notebook that is logged in to {location.origin}, run{' '}
          <code>%etiq_project {project.name}</code> and then this cell. Its snapshot appears here at
          once.
        </>
      }
      code={'%%snapshot first\nanswer = 6 * 7'}
    />
  );
}

const CHART_POINTS = 500;

/** A metric over the snapshots that are loaded, oldest first. */
function MetricChart(props: {
  items: readonly SnapshotSummary[];
  metrics: readonly string[];
  chosen: string | null;
  onChoose(metric: string): void;
}): JSX.Element | null {
  const { items, metrics, chosen } = props;
  const navigation = useNavigation();
  const name = chosen !== null && metrics.includes(chosen) ? chosen : metrics[0];
  const points = useMemo<ChartPoint[]>(
    () =>
      name === undefined
        ? []
        : items
            .filter(item => name in item.metrics)
            .sort((a, b) => a.created_at.localeCompare(b.created_at))
            .slice(-CHART_POINTS)
            .map(item => ({
              id: snapshotAddress(item),
              name: snapshotTitle(item),
              value: item.metrics[name] ?? null
            })),
    [items, name]
  );
  if (name === undefined || points.length < 2) {
    return null;
  }
  return (
    <div className="metric-chart">
      <LineChart
        title={name}
        points={points}
        onOpen={id => navigation.open({ kind: 'snapshot', snapshot: id })}
      >
        {metrics.length > 1 && (
          <select
            className="etiq-input etiq-input-small"
            aria-label="Metric of the chart"
            value={name}
            onChange={event => props.onChoose(event.target.value)}
          >
            {metrics.map(each => (
              <option key={each}>{each}</option>
            ))}
          </select>
        )}
      </LineChart>
    </div>
  );
}
