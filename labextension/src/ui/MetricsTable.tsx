import type { SnapshotDetail } from '../api';
import { change, metric } from './format';
import { snapshotId } from './naming';

/** The numbers of a snapshot, each with what changed since the last snapshot of this cell. */
export function MetricsTable({ snapshot }: { snapshot: SnapshotDetail }): JSX.Element {
  const { metrics, previous, previous_metrics: before } = snapshot;
  return (
    <dl className="etiq-metrics">
      {Object.entries(metrics).map(([name, value]) => {
        const old = before[name];
        const known = previous !== null && typeof old === 'number' && typeof value === 'number';
        return (
          <div key={name} className="etiq-metric">
            <dt>{name}</dt>
            <dd>
              <b>{metric(value)}</b>
              {known && (
                <span className="etiq-change" title={`${metric(old)} in ${snapshotId(previous)}`}>
                  {change(value - old)}
                </span>
              )}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
