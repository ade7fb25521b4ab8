import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

import { asProblem, path, type SnapshotSummary } from '../api';
import { useEvents, useNavigation } from './context';
import { FilterBox } from './FilterBox';
import { bytes, count, metric } from './format';
import { shownMetrics, snapshotAddress, snapshotId, snapshotTitle } from './naming';
import { EmptyState, ErrorNotice, Loading, sentence } from './notices';
import type { SnapshotListProps } from './props';
import { sendable } from './query';
import { RelativeTime } from './RelativeTime';
import { usePages, useSettled } from './resource';
import { StateDot } from './StateDot';

const FIRST_CELL = '%%snapshot first\nanswer = 42';

/** A project's snapshots in a narrow column: filter, rows, marks for comparing. */
export function SnapshotList(props: SnapshotListProps): JSX.Element {
  const [query, setQuery] = useState('');
  const [byRun, setByRun] = useState(false);
  const settled = sendable(useSettled(query));
  const pages = usePages<SnapshotSummary>(path('projects', props.project, 'snapshots'), {
    q: settled,
    sort: '-created'
  });
  useReloadOnSnapshots(props.project, pages.reload);
  const known = useKnown(pages.items);
  const marks = useMarks(pages.items);

  return (
    <div className="etiq-snapshots">
      <div className="etiq-bar">
        <FilterBox value={query} onChange={setQuery} known={known} />
        <button
          type="button"
          className="etiq-button etiq-button-small"
          aria-pressed={byRun}
          title={byRun ? 'Show as one list' : 'Group by run'}
          onClick={() => setByRun(!byRun)}
        >
          By run
        </button>
      </div>
      <MarkBar marks={marks} />
      <QueryFault error={pages.error} onRetry={pages.reload} />
      {pages.loading && pages.items.length === 0 && !pages.empty && <Loading what="snapshots" />}
      {pages.empty && (
        <NoSnapshots {...props} filtered={settled !== ''} onClear={() => setQuery('')} />
      )}
      {pages.items.length > 0 && (
        <Rows {...props} items={pages.items} byRun={byRun} marks={marks}>
          {pages.more && <More pages={pages} />}
        </Rows>
      )}
    </div>
  );
}

/** What is wrong with a query stands by its box; other failures are told whole. */
export function QueryFault(props: { error: unknown; onRetry(): void }): JSX.Element | null {
  if (props.error === undefined) {
    return null;
  }
  const problem = asProblem(props.error);
  if (problem.code !== 'invalid') {
    return <ErrorNotice error={problem} onRetry={props.onRetry} />;
  }
  return (
    <p className="etiq-field-error" role="alert">
      {sentence(problem.what)} {problem.hint && sentence(problem.hint)}
    </p>
  );
}

/** Ask again when a snapshot of the project arrived; a burst of them asks once. */
export function useReloadOnSnapshots(project: string, reload: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => () => clearTimeout(timer.current), [project]);
  useEvents(event => {
    if (event.kind === 'snapshot' || event.kind === 'reconnected') {
      clearTimeout(timer.current);
      timer.current = setTimeout(reload, 300);
    }
  });
}

/** Names that the loaded snapshots use, for the hints of the filter box. */
export function useKnown(items: readonly SnapshotSummary[]): {
  metrics: string[];
  tags: string[];
  authors: string[];
} {
  return useMemo(() => {
    const [metrics, tags, authors] = [new Set<string>(), new Set<string>(), new Set<string>()];
    for (const item of items) {
      Object.keys(item.metrics).forEach(name => metrics.add(name));
      item.tags.forEach(tag => tags.add(tag));
      if (item.author) {
        authors.add(item.author);
      }
    }
    return { metrics: [...metrics], tags: [...tags], authors: [...authors] };
  }, [items]);
}

export interface Marks {
  ids: readonly string[];
  chosen: SnapshotSummary[];
  toggle(id: string): void;
  clear(): void;
}

/** Up to two snapshots marked for comparing; a third takes the place of the older mark. */
export function useMarks(items: readonly SnapshotSummary[]): Marks {
  const [ids, setIds] = useState<string[]>([]);
  const chosen = ids.flatMap(id => items.filter(item => item.id === id));
  return {
    ids,
    chosen,
    toggle: id =>
      setIds(now => (now.includes(id) ? now.filter(each => each !== id) : [...now, id].slice(-2))),
    clear: () => setIds([])
  };
}

/** What is marked, and the button that compares. */
export function MarkBar({ marks }: { marks: Marks }): JSX.Element | null {
  const navigation = useNavigation();
  const chosen = [...marks.chosen].sort((a, b) => a.created_at.localeCompare(b.created_at));
  const [a, b] = chosen;
  if (a === undefined) {
    return null;
  }
  return (
    <div className="etiq-markbar" role="status">
      {b === undefined ? (
        <span>{snapshotId(a)} marked. Mark another to compare.</span>
      ) : (
        <button
          type="button"
          className="etiq-button etiq-button-primary"
          onClick={() =>
            navigation.open({ kind: 'compare', a: snapshotAddress(a), b: snapshotAddress(b) })
          }
        >
          Compare {snapshotId(a)} with {snapshotId(b)}
        </button>
      )}
      <button type="button" className="etiq-link" onClick={marks.clear}>
        Clear
      </button>
    </div>
  );
}

function More({
  pages
}: {
  pages: { loading: boolean; loadMore(): void; error: unknown };
}): JSX.Element {
  const mark = useRef<HTMLButtonElement>(null);
  const { loadMore, error } = pages;
  useEffect(() => {
    const element = mark.current;
    if (element === null || error !== undefined || typeof IntersectionObserver === 'undefined') {
      return;
    }
    const observer = new IntersectionObserver(entries => {
      if (entries.some(entry => entry.isIntersecting)) {
        loadMore();
      }
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [loadMore, error, pages.loading]);
  return (
    <button
      type="button"
      ref={mark}
      className="etiq-link etiq-more"
      disabled={pages.loading}
      onClick={loadMore}
    >
      {pages.loading ? 'Loading more' : 'Show more'}
    </button>
  );
}

export { More as MoreButton };

function NoSnapshots(
  props: SnapshotListProps & { filtered: boolean; onClear(): void }
): JSX.Element {
  if (props.filtered) {
    return (
      <EmptyState
        title="No snapshot matches the filter."
        action={{ label: 'Clear the filter', run: props.onClear }}
      />
    );
  }
  const code = props.emptyCell ?? FIRST_CELL;
  return (
    <EmptyState
      title="No snapshots in this project yet."
      hint="Run this cell in a notebook; it appears here at once."
      code={code}
      action={
        props.onInsert && { label: 'Insert into the notebook', run: () => props.onInsert?.(code) }
      }
    />
  );
}

interface RowsProps extends SnapshotListProps {
  items: readonly SnapshotSummary[];
  byRun: boolean;
  marks: Marks;
  children?: ReactNode;
}

function Rows(props: RowsProps): JSX.Element {
  const navigation = useNavigation();
  const list = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState<string>();
  const { items, marks } = props;
  const groups = useMemo(() => (props.byRun ? groupByRun(items) : null), [items, props.byRun]);
  const ordered = groups === null ? items : groups.flatMap(group => group.items);
  const reachable = ordered.some(item => item.id === focused) ? focused : ordered[0]?.id;

  const open = (snapshot: SnapshotSummary): void => {
    if (props.onOpen) {
      props.onOpen(snapshot);
    } else {
      navigation.open({ kind: 'snapshot', snapshot: snapshotAddress(snapshot) });
    }
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const at = ordered.findIndex(item => item.id === reachable);
    const current = ordered[at];
    const targets: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + 10,
      PageUp: at - 10,
      Home: 0,
      End: ordered.length - 1
    };
    const wanted = targets[event.key];
    if (wanted !== undefined) {
      event.preventDefault();
      const next = ordered[Math.min(ordered.length - 1, Math.max(0, wanted))];
      if (next !== undefined) {
        setFocused(next.id);
        props.onSelect?.(next);
        list.current?.querySelector<HTMLElement>(`[data-id="${next.id}"]`)?.focus();
      }
    } else if (event.key === 'Enter' && current !== undefined) {
      event.preventDefault();
      open(current);
    } else if (event.key === ' ' && current !== undefined) {
      event.preventDefault();
      marks.toggle(current.id);
    }
  };

  const row = (snapshot: SnapshotSummary): JSX.Element => (
    <Row
      key={snapshot.id}
      {...props}
      snapshot={snapshot}
      marked={marks.ids.includes(snapshot.id)}
      reachable={snapshot.id === reachable}
      onFocus={() => setFocused(snapshot.id)}
      onMark={() => marks.toggle(snapshot.id)}
      onActivate={open}
    />
  );

  return (
    <div className="etiq-rows-scroll">
      <div
        ref={list}
        className="etiq-rows"
        role="listbox"
        aria-multiselectable="true"
        aria-label="Snapshots. Enter opens, Space marks for comparing."
        onKeyDown={onKeyDown}
      >
        {groups === null
          ? items.map(row)
          : groups.map(group => (
              <div key={group.run} role="group" aria-label={group.name} className="etiq-run">
                <div className="etiq-run-name" role="presentation">
                  {group.name}
                  <span className="etiq-quiet">{count(group.items.length)}</span>
                </div>
                {group.items.map(row)}
              </div>
            ))}
      </div>
      {props.children}
    </div>
  );
}

function groupByRun(
  items: readonly SnapshotSummary[]
): { run: string; name: string; items: SnapshotSummary[] }[] {
  const groups = new Map<string, SnapshotSummary[]>();
  for (const item of items) {
    const members = groups.get(item.run);
    if (members === undefined) {
      groups.set(item.run, [item]);
    } else {
      members.push(item);
    }
  }
  return [...groups].map(([run, members]) => ({
    run,
    name: members[0]?.run_name || 'Run without a name',
    items: members
  }));
}

interface RowProps extends SnapshotListProps {
  snapshot: SnapshotSummary;
  marked: boolean;
  reachable: boolean;
  onFocus(): void;
  onMark(): void;
  onActivate(snapshot: SnapshotSummary): void;
}

function Row(props: RowProps): JSX.Element {
  const { snapshot, marked } = props;
  const here = props.currentRun !== undefined && snapshot.run === props.currentRun;
  const selected = props.selected === snapshot.id;
  const className = [
    'etiq-row',
    marked ? 'etiq-row-marked' : '',
    selected ? 'etiq-row-selected' : ''
  ].join(' ');
  return (
    <div
      className={className}
      role="option"
      aria-selected={marked}
      aria-current={selected || undefined}
      data-id={snapshot.id}
      data-address={snapshotAddress(snapshot)}
      tabIndex={props.reachable ? 0 : -1}
      draggable={props.onDragStart !== undefined}
      onFocus={props.onFocus}
      onClick={event => {
        if (event.ctrlKey || event.metaKey) {
          props.onMark();
        } else if (props.onSelect) {
          props.onSelect(snapshot);
        } else {
          props.onActivate(snapshot);
        }
      }}
      onDoubleClick={() => props.onSelect && props.onActivate(snapshot)}
      onDragStart={event => props.onDragStart?.(snapshot, event.nativeEvent)}
      onContextMenu={event => props.onContextMenu?.(snapshot, event.nativeEvent)}
    >
      <span className="etiq-row-id">{snapshotId(snapshot)}</span>
      <span className="etiq-row-name" title={snapshotTitle(snapshot)}>
        {snapshot.failed && <StateDot state="failed" quiet />}
        {snapshot.name || <span className="etiq-quiet">no name</span>}
      </span>
      <span className="etiq-row-time">
        <RelativeTime time={snapshot.created_at} />
        {here && <span title="Made by the current notebook">{' *'}</span>}
        {snapshot.state !== 'synced' && <StateDot state={snapshot.state} quiet />}
      </span>
      <span className="etiq-row-facts">
        <RowFacts snapshot={snapshot} pinned={props.pinned ?? []} />
      </span>
    </div>
  );
}

/** Two metrics, else the biggest item: what one looks for in a list. */
function RowFacts(props: { snapshot: SnapshotSummary; pinned: readonly string[] }): JSX.Element {
  const metrics = shownMetrics(props.snapshot, props.pinned);
  const { biggest } = props.snapshot;
  if (metrics.length > 0) {
    return (
      <>
        {metrics.map(([name, value]) => (
          <span key={name}>
            {name} <b>{metric(value)}</b>
          </span>
        ))}
      </>
    );
  }
  if (biggest === null) {
    return <span>{count(props.snapshot.variables, 'variable')}</span>;
  }
  return (
    <>
      <span>
        {biggest.name} {biggest.summary}
      </span>
      <span>{bytes(biggest.size)}</span>
    </>
  );
}
