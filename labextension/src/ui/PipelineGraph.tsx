import { useId, useMemo, useState } from 'react';

import { path, type Node, type Page, type Pipeline } from '../api';
import { PlaceLink } from './context';
import { count, metric } from './format';
import { shownMetrics, snapshotAddress, snapshotId, snapshotTitle } from './naming';
import { EmptyState, ErrorNotice, Loading } from './notices';
import { boxes, layout, line, type Box, type Route, type Sizes } from './pipeline';
import type { PipelineGraphProps } from './props';
import { RelativeTime } from './RelativeTime';
import { useResource } from './resource';
import { useReloadOnSnapshots } from './SnapshotList';
import { StateDot } from './StateDot';

const EMPTY = '%%snapshot total\ntotal = sum(rows)';

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
        hint="One appears when a snapshot reads what an earlier one made. If one made rows, this one reads it:"
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
    <section
      className="etiq-pipeline"
      id={pipeline.short_id || undefined}
      aria-labelledby={id}
      ref={element => {
        // The address may name one of several pipelines.
        if (pipeline.short_id && location.hash === `#${pipeline.short_id}`) {
          element?.scrollIntoView?.({ block: 'start' });
        }
      }}
    >
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

const SIZES: Sizes = { width: 176, height: 52, lane: 12, gapX: 72, gapY: 14, edge: 12 };

function Graph({ pipeline, title }: { pipeline: Pipeline; title: string }): JSX.Element {
  const { placed, drawn } = useMemo(() => {
    const made = layout(pipeline.nodes, pipeline.edges);
    return { placed: made, drawn: boxes(made, SIZES) };
  }, [pipeline]);
  const { at, width, height } = drawn;
  return (
    <div className="etiq-graph-scroll" tabIndex={0} role="group" aria-label={`Graph of ${title}`}>
      <div className="etiq-graph" style={{ width, height }}>
        <svg width={width} height={height} aria-hidden="true">
          {placed.routes.map(route => (
            <EdgeLine key={`${route.edge.source} ${route.edge.target}`} route={route} at={at} />
          ))}
          {edgeLabels(placed.routes).map(({ source, text }) => {
            const box = at.get(source);
            return box && <EdgeLabel key={`${source} ${text}`} box={box} text={text} />;
          })}
        </svg>
        <ul aria-label={`Snapshots of ${title}`}>
          {placed.columns.flat().map(({ id, node }) => {
            const box = at.get(id);
            return (
              node &&
              box && (
                <li
                  key={id}
                  style={{ left: box.x, top: box.y, width: SIZES.width, height: SIZES.height }}
                >
                  <GraphNode node={node} />
                </li>
              )
            );
          })}
        </ul>
      </div>
    </div>
  );
}

function EdgeLine(props: { route: Route; at: ReadonlyMap<string, Box> }): JSX.Element | null {
  const end = props.at.get(props.route.edge.target);
  if (end === undefined) {
    return null;
  }
  const y = end.y + end.height / 2;
  return (
    <g className="etiq-edge">
      <path d={line(props.route, props.at, SIZES)} />
      <path d={`M${end.x - 6} ${y - 4}l6 4l-6 4`} />
    </g>
  );
}

/** What leaves a node, once: edges that carry the same items share their label. */
function edgeLabels(routes: readonly Route[]): { source: string; text: string }[] {
  const labels = new Map<string, Set<string>>();
  for (const { edge } of routes) {
    const items = labels.get(edge.source) ?? new Set();
    edge.items.forEach(item => items.add(item));
    labels.set(edge.source, items);
  }
  return [...labels].map(([source, items]) => ({ source, text: [...items].join(', ') }));
}

const LABEL = 10;

function EdgeLabel({ box, text }: { box: Box; text: string }): JSX.Element {
  return (
    <text x={box.x + SIZES.width + 5} y={box.y + box.height / 2 - 5}>
      {text.length > LABEL ? `${text.slice(0, LABEL - 1)}…` : text}
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

function inTime(nodes: readonly Node[]): Node[] {
  return [...nodes].sort((a, b) => a.created_at.localeCompare(b.created_at));
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
    <div className="etiq-table-scroll" tabIndex={0} role="group" aria-label="Pipeline as a table">
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
          {inTime(pipeline.nodes).map(node => (
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
