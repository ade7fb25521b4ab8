import type { Diff, MetricChange, SnapshotSummary } from '../api';
import { Boundary } from './Boundary';
import { PlaceLink, useNavigation } from './context';
import { Section } from './controls';
import { change, count, duration, exactTime, metric } from './format';
import { snapshotAddress, snapshotId, snapshotTitle } from './naming';
import { ErrorNotice, Loading } from './notices';
import type { CompareViewProps } from './props';
import { RelativeTime } from './RelativeTime';
import { useResource } from './resource';
import { SourceDiff } from './SourceView';
import { StateDot } from './StateDot';
import { VariableChanges, changeCounts } from './VariableChanges';

/** Two snapshots: facts side by side, then what differs, section by section. */
export function CompareView({ a, b, narrow }: CompareViewProps): JSX.Element {
  const navigation = useNavigation();
  const diff = useResource<Diff>('/diff', { a, b });
  if (diff.error !== undefined) {
    return <ErrorNotice error={diff.error} onRetry={diff.reload} />;
  }
  if (diff.data === undefined) {
    return <Loading what="the comparison" />;
  }
  return (
    <article className={narrow ? 'etiq-compare etiq-narrow' : 'etiq-compare'}>
      <header className="etiq-head">
        <div className="etiq-head-line">
          <h1>
            {snapshotId(diff.data.a)} and {snapshotId(diff.data.b)}
          </h1>
          <div className="etiq-actions">
            <button
              type="button"
              className="etiq-button"
              onClick={() => navigation.open({ kind: 'compare', a: b, b: a })}
            >
              Swap sides
            </button>
          </div>
        </div>
      </header>
      <Facts diff={diff.data} />
      <Sections diff={diff.data} />
    </article>
  );
}

function Facts({ diff }: { diff: Diff }): JSX.Element {
  const { a, b } = diff;
  const row = (name: string, of: (side: SnapshotSummary) => React.ReactNode): JSX.Element => (
    <tr>
      <th scope="row">{name}</th>
      <td>{of(a)}</td>
      <td>{of(b)}</td>
    </tr>
  );
  const side = (snapshot: SnapshotSummary): JSX.Element => (
    <PlaceLink to={{ kind: 'snapshot', snapshot: snapshotAddress(snapshot) }}>
      {snapshotTitle(snapshot)}
    </PlaceLink>
  );
  return (
    <div className="etiq-table-scroll" tabIndex={0} role="group" aria-label="Both snapshots">
      <table className="etiq-table etiq-facts-table">
        <thead>
          <tr>
            <td />
            <th scope="col">{side(a)}</th>
            <th scope="col">{side(b)}</th>
          </tr>
        </thead>
        <tbody>
          {row('project', snapshot => snapshot.project_name)}
          {row('run', snapshot => snapshot.run_name)}
          {row('by', snapshot => snapshot.author)}
          {row('when', snapshot => (
            <>
              {exactTime(new Date(snapshot.created_at))} (
              <RelativeTime time={snapshot.created_at} sentence />)
            </>
          ))}
          {row('ran', snapshot => duration(snapshot.duration))}
          {(a.failed || b.failed) &&
            row('ended', snapshot =>
              snapshot.failed ? <StateDot state="failed" /> : 'without an error'
            )}
          {(a.tags.length > 0 || b.tags.length > 0) &&
            row('tags', snapshot => snapshot.tags.join(', '))}
          {allMetrics(diff).map(each => (
            <MetricRow key={each.name} metricChange={each} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Metrics of both; the comparison itself names only those that differ. */
function allMetrics({ a, b, metrics }: Diff): MetricChange[] {
  const names = [...new Set([...Object.keys(a.metrics), ...Object.keys(b.metrics)])];
  const same = names
    .filter(name => !metrics.some(each => each.name === name))
    .map(name => ({ name, a: a.metrics[name] ?? null, b: b.metrics[name] ?? null, change: 0 }));
  return [...metrics, ...same];
}

function MetricRow({ metricChange }: { metricChange: MetricChange }): JSX.Element {
  const { name, a, b } = metricChange;
  const difference = metricChange.change ?? (a !== null && b !== null ? b - a : null);
  const none = <span className="etiq-quiet">none</span>;
  return (
    <tr className="etiq-metric-row">
      <th scope="row">{name}</th>
      <td>{a === null ? none : metric(a)}</td>
      <td>
        {b === null ? none : <b>{metric(b)}</b>}
        {difference !== null && difference !== 0 && (
          <span className="etiq-change">{change(difference)}</span>
        )}
      </td>
    </tr>
  );
}

function Sections({ diff }: { diff: Diff }): JSX.Element {
  const changed = diff.variables.filter(each => each.status !== 'same');
  const figures = changed.filter(each => each.kind === 'figure' || each.kind === 'image');
  const others = diff.variables.filter(each => !figures.includes(each));
  const frames = diff.source.filter(line => line.op !== ' ');
  const added = frames.filter(line => line.op === '+').length;
  return (
    <>
      <Section
        title="Source"
        folded={diff.source_same}
        facts={
          diff.source_same
            ? 'the same'
            : `${count(added, 'line')} added, ${count(frames.length - added)} removed`
        }
      >
        {diff.source_same ? (
          <p className="etiq-quiet">Both cells have the same source.</p>
        ) : (
          <SourceDiff lines={diff.source} />
        )}
      </Section>
      <Section
        title="Variables"
        folded={others.every(each => each.status === 'same')}
        facts={changeCounts(diff.variables)}
      >
        <Boundary what="A comparison">
          <VariableChanges changes={others} a={diff.a} b={diff.b} />
        </Boundary>
      </Section>
      {figures.length > 0 && (
        <Section title="Figures" facts={`${count(figures.length)} differ`}>
          <Boundary what="A comparison">
            <VariableChanges changes={figures} a={diff.a} b={diff.b} unfolded />
          </Boundary>
        </Section>
      )}
      <Section
        title="Environment"
        folded={diff.environment.length === 0}
        facts={
          diff.environment.length === 0 ? 'the same' : count(diff.environment.length, 'difference')
        }
      >
        {diff.environment.length === 0 ? (
          <p className="etiq-quiet">Python, packages, platform and git state are the same.</p>
        ) : (
          <EnvironmentTable diff={diff} />
        )}
      </Section>
    </>
  );
}

function EnvironmentTable({ diff }: { diff: Diff }): JSX.Element {
  return (
    <table className="etiq-table">
      <thead>
        <tr>
          <th scope="col">what</th>
          <th scope="col">{snapshotId(diff.a)}</th>
          <th scope="col">{snapshotId(diff.b)}</th>
        </tr>
      </thead>
      <tbody>
        {diff.environment.map(each => (
          <tr key={each.name}>
            <th scope="row">{each.name}</th>
            <td>{each.a ?? <span className="etiq-quiet">none</span>}</td>
            <td>{each.b ?? <span className="etiq-quiet">none</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
