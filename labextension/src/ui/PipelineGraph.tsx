import { useId, useMemo, useState } from 'react';

import { path, type Node, type Page, type Pipeline } from '../api';
import { PlaceLink } from './context';
import { count, metric } from './format';
import { shownMetrics, snapshotAddress, snapshotId, snapshotTitle } from './naming';
import { EmptyState, ErrorNotice, Loading } from './notices';
import { layout, type Placed } from './pipeline';
import type { PipelineGraphProps } from './props';
import { RelativeTime } from './RelativeTime';
import { useResource } from './resource';
import { useReloadOnSnapshots } from './SnapshotList';
import { StateDot } from './StateDot';

const EMPTY =
  '%%snapshot load\nrows = [1, 2, 3]\n\n# then, in the next cell:\n%%snapshot total\ntotal = sum(rows)';

/** A project's pipelines: each a graph, left to right, and the same as a table. */
export function PipelineGraph({ project, narrow }: PipelineGraphProps): JSX.Element {
  const pipelines = useResource<Page<Pipeline>>(path('projects', project, 'pipelines'));
  useReloadOnSnapshots(project, pipelines.reload);
  if (pipelines.error !== undefined) {
    return <ErrorNotice error={pipelines.error} onRetry={pipelines.reload} />;
  }
  if (pipelines.data === undefined) {
    return <Loading what="pipelines" />;
  }
  if (pipelines.data.items.length === 0) {
    return (
      <EmptyState
        title="No pipelines yet."
        hint="A pipeline appears when a snapshot reads what an earlier one made, for example:"
        code={EMPTY}
      />
    );
  }
  return (
    <div className={narrow ? 'etiq-pipelines etiq-narrow' : 'etiq-pipelines'}>
      {pipelines.data.items.map(pipeline => (
        <OnePipeline key={pipeline.id} pipeline={pipeline} />
      ))}
    </div>
  );
}

function OnePipeline({ pipeline }: { pipeline: Pipeline }): JSX.Element {
  const [asTable, setAsTable] = useState(false);
  const id = useId();
  const title = [pipeline.short_id, pipeline.name].filter(Boolean).join(' ') || 'Pipeline';
  return (
    <section className="etiq-pipeline" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        <span className="etiq-quiet">
          {count(pipeline.nodes.length, 'snapshot')}
          {pipeline.last_activity && (
            <>
              , <RelativeTime time={pipeline.last_activity} sentence />
            </>
          )}
        </span>
        <button
          type="button"
          className="etiq-link"
          aria-pressed={asTable}
          onClick={() => setAsTable(!asTable)}
        >
          {asTable ? 'Show as graph' : 'Show as table'}
        </button>
      </header>
      {asTable ? (
        <PipelineTable pipeline={pipeline} />
      ) : (
        <Graph pipeline={pipeline} title={title} />
      )}
    </section>
  );
}

const [WIDTH, HEIGHT, GAP_X, GAP_Y, EDGE] = [176, 56, 72, 16, 8];

function Graph({ pipeline, title }: { pipeline: Pipeline; title: string }): JSX.Element {
  const placed = useMemo(() => layout(pipeline.nodes, pipeline.edges), [pipeline]);
  const layers = Math.max(...placed.map(each => each.layer)) + 1;
  const rows = Math.max(...placed.map(each => each.row)) + 1;
  const sizes = columnSizes(placed);
  const x = (each: Placed): number => EDGE + each.layer * (WIDTH + GAP_X);
  const y = (each: Placed): number => {
    const free = rows - (sizes.get(each.layer) ?? rows);
    return EDGE + (each.row + free / 2) * (HEIGHT + GAP_Y);
  };
  const width = 2 * EDGE + layers * (WIDTH + GAP_X) - GAP_X;
  const height = 2 * EDGE + rows * (HEIGHT + GAP_Y) - GAP_Y;
  const byId = new Map(placed.map(each => [each.node.id, each]));
  return (
    <div className="etiq-graph-scroll" tabIndex={0} role="region" aria-label={`Graph of ${title}`}>
      <div className="etiq-graph" style={{ width, height }}>
        <svg width={width} height={height} aria-hidden="true">
          {pipeline.edges.map(edge => {
            const [from, to] = [byId.get(edge.source), byId.get(edge.target)];
            if (from === undefined || to === undefined) {
              return null;
            }
            const [x1, y1] = [x(from) + WIDTH, y(from) + HEIGHT / 2];
            const [x2, y2] = [x(to) - 5, y(to) + HEIGHT / 2];
            const bend = Math.max(GAP_X / 2, (x2 - x1) / 2);
            return (
              <g key={`${edge.source} ${edge.target}`} className="etiq-edge">
                <path d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />
                <path d={`M${x2 - 6} ${y2 - 4}l6 4l-6 4`} />
                <EdgeLabel x={x1 + 8} y={y1} x2={x2} y2={y2} items={edge.items} />
              </g>
            );
          })}
        </svg>
        <ul aria-label={`Snapshots of ${title}`}>
          {placed.map(each => (
            <li
              key={each.node.id}
              style={{ left: x(each), top: y(each), width: WIDTH, height: HEIGHT }}
            >
              <GraphNode node={each.node} />
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function columnSizes(placed: readonly Placed[]): Map<number, number> {
  const sizes = new Map<number, number>();
  placed.forEach(({ layer }) => sizes.set(layer, (sizes.get(layer) ?? 0) + 1));
  return sizes;
}

/** What an edge carries, near its start; only where there is room for it. */
function EdgeLabel(props: {
  x: number;
  y: number;
  x2: number;
  y2: number;
  items: string[];
}): JSX.Element {
  const text = props.items.join(', ');
  const short = text.length > 9 ? `${text.slice(0, 8)}…` : text;
  return (
    <text x={props.x} y={props.y - 5}>
      {short}
      <title>{text}</title>
    </text>
  );
}

function GraphNode({ node }: { node: Node }): JSX.Element {
  const facts = nodeFacts(node);
  return (
    <PlaceLink
      to={{ kind: 'snapshot', snapshot: snapshotAddress(node) }}
      className={node.failed ? 'etiq-node etiq-node-failed' : 'etiq-node'}
      title={`${snapshotTitle(node)}${facts ? `: ${facts}` : ''}`}
    >
      <span className="etiq-node-name">
        <StateDot
          state={node.failed ? 'failed' : 'synced'}
          word={node.failed ? 'Failed' : 'Done'}
          quiet
        />
        {node.name || snapshotId(node)}
      </span>
      <span className="etiq-node-facts">
        <span className="etiq-node-id">{snapshotId(node)}</span> {facts}
      </span>
    </PlaceLink>
  );
}

function nodeFacts(node: Node): string {
  const metrics = shownMetrics(node, []);
  if (metrics.length > 0) {
    return metrics.map(([name, value]) => `${name} ${metric(value)}`).join('  ');
  }
  return node.main_item === null ? '' : `${node.main_item.name} ${node.main_item.summary}`;
}

function PipelineTable({ pipeline }: { pipeline: Pipeline }): JSX.Element {
  const byId = new Map(pipeline.nodes.map(node => [node.id, node]));
  const links = (ends: { id: string; items: string[] }[]): JSX.Element[] =>
    ends.flatMap(({ id, items }) => {
      const node = byId.get(id);
      return node === undefined
        ? []
        : [
            <div key={id}>
              {snapshotTitle(node)} <span className="etiq-quiet">{items.join(', ')}</span>
            </div>
          ];
    });
  return (
    <div className="etiq-table-scroll" tabIndex={0} role="region" aria-label="Pipeline as a table">
      <table className="etiq-table">
        <thead>
          <tr>
            <th scope="col">snapshot</th>
            <th scope="col">state</th>
            <th scope="col">main item or metrics</th>
            <th scope="col">reads from</th>
            <th scope="col">read by</th>
          </tr>
        </thead>
        <tbody>
          {layout(pipeline.nodes, pipeline.edges).map(({ node }) => (
            <tr key={node.id}>
              <th scope="row">
                <PlaceLink to={{ kind: 'snapshot', snapshot: snapshotAddress(node) }}>
                  {snapshotTitle(node)}
                </PlaceLink>
              </th>
              <td>{node.failed ? 'failed' : 'done'}</td>
              <td>{nodeFacts(node)}</td>
              <td>
                {links(
                  pipeline.edges
                    .filter(edge => edge.target === node.id)
                    .map(edge => ({ id: edge.source, items: edge.items }))
                )}
              </td>
              <td>
                {links(
                  pipeline.edges
                    .filter(edge => edge.source === node.id)
                    .map(edge => ({ id: edge.target, items: edge.items }))
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
