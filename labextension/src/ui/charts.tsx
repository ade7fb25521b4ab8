import { useId, useState, type ReactNode } from 'react';

import { metric } from './format';

/** A tiny line of the latest values; its words say what it shows. */
export function Sparkline(props: {
  values: readonly (number | null)[];
  name: string;
  width?: number;
  height?: number;
}): JSX.Element | null {
  const { values, name, width = 80, height = 18 } = props;
  const points = finite(values);
  const last = points[points.length - 1];
  if (last === undefined) {
    return null;
  }
  const [low, high] = extent(points.map(point => point.y));
  const x = scale([0, Math.max(1, values.length - 1)], [2, width - 3]);
  const y = scale([low, high], [height - 3, 3]);
  const words = `${name}: ${metric(last.y)} now, between ${metric(low)} and ${metric(high)} over ${points.length}`;
  return (
    <svg
      className="etiq-spark"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={words}
    >
      <title>{words}</title>
      <polyline points={points.map(point => `${x(point.x)},${y(point.y)}`).join(' ')} />
      <circle cx={x(last.x)} cy={y(last.y)} r="1.8" />
    </svg>
  );
}

interface Point {
  x: number;
  y: number;
}

function finite(values: readonly (number | null)[]): Point[] {
  return values.flatMap((y, x) => (typeof y === 'number' && Number.isFinite(y) ? [{ x, y }] : []));
}

function extent(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  return [low, high];
}

function scale(
  [from, to]: [number, number],
  [start, end]: [number, number]
): (n: number) => number {
  const middle = (start + end) / 2;
  return n => (to === from ? middle : round(start + ((n - from) / (to - from)) * (end - start)));
}

function round(n: number): number {
  return Math.round(n * 10) / 10;
}

/** Round numbers that divide a range: 0.85, 0.9, 0.95. */
export function ticks(low: number, high: number, wanted = 4): number[] {
  if (!(high > low)) {
    return [low];
  }
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= raw) ?? power * 10;
  const first = Math.ceil(low / step);
  const found: number[] = [];
  for (let n = first; n * step <= high + step * 1e-9; n += 1) {
    found.push(Number((n * step).toPrecision(12)));
  }
  return found;
}

export interface ChartPoint {
  id: string;
  /** What the point is, for example `SNP-42 fit baseline`. */
  name: string;
  value: number | null;
}

/** One value over a series, oldest first; every point leads somewhere, and there is a table of it. */
export function LineChart(props: {
  title: string;
  points: readonly ChartPoint[];
  height?: number;
  onOpen?(id: string): void;
  /** Controls beside the title. */
  children?: ReactNode;
}): JSX.Element {
  const { points, title } = props;
  const [asTable, setAsTable] = useState(false);
  const id = useId();
  return (
    <figure className="etiq-chart" aria-labelledby={id}>
      <figcaption id={id}>
        {props.children ?? <span>{title}</span>}
        <button
          type="button"
          className="etiq-link"
          aria-pressed={asTable}
          onClick={() => setAsTable(!asTable)}
        >
          {asTable ? 'Show as chart' : 'Show as table'}
        </button>
      </figcaption>
      {asTable ? <ChartTable {...props} /> : <ChartLines {...props} />}
      {points.every(point => point.value === null) && (
        <p className="etiq-quiet">No snapshot shown here has this metric.</p>
      )}
    </figure>
  );
}

function ChartTable(props: {
  title: string;
  points: readonly ChartPoint[];
  onOpen?(id: string): void;
}): JSX.Element {
  return (
    <div className="etiq-table-scroll" tabIndex={0} role="group" aria-label={props.title}>
      <table className="etiq-table">
        <thead>
          <tr>
            <th scope="col">snapshot</th>
            <th scope="col" className="etiq-number">
              {props.title}
            </th>
          </tr>
        </thead>
        <tbody>
          {props.points.map(point => (
            <tr key={point.id}>
              <td>{point.name}</td>
              <td className="etiq-number">{point.value === null ? '' : metric(point.value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const WIDTH = 800;
const EDGE = 10;

function ChartLines(props: {
  title: string;
  points: readonly ChartPoint[];
  height?: number;
  onOpen?(id: string): void;
}): JSX.Element {
  const height = props.height ?? 120;
  const [near, setNear] = useState<number | null>(null);
  const values = finite(props.points.map(point => point.value));
  if (values.length === 0) {
    return <></>;
  }
  const [low, high] = extent(values.map(point => point.y));
  const room = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.1 || 1;
  const x = scale([0, Math.max(1, props.points.length - 1)], [EDGE, WIDTH - EDGE]);
  const y = scale([low - room, high + room], [height - EDGE, EDGE]);
  const marked = near === null ? undefined : values[near];
  const markedPoint = marked === undefined ? undefined : props.points[marked.x];

  const find = (event: React.PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    let best = 0;
    values.forEach((point, index) => {
      if (Math.abs(x(point.x) - at) < Math.abs(x(values[best]?.x ?? 0) - at)) {
        best = index;
      }
    });
    setNear(best);
  };

  return (
    <div className="etiq-chart-body">
      {/* Text and dots are not stretched with the drawing. */}
      {ticks(low, high, 3).map(tick => (
        <span key={tick} className="etiq-tick" style={{ top: y(tick) }}>
          {metric(tick)}
        </span>
      ))}
      <div className="etiq-chart-plot">
        <svg
          viewBox={`0 0 ${WIDTH} ${height}`}
          height={height}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${props.title}: ${values.length} values between ${metric(low)} and ${metric(high)}`}
          onPointerMove={find}
          onPointerLeave={() => setNear(null)}
          onClick={() => markedPoint && props.onOpen?.(markedPoint.id)}
          className={props.onOpen ? 'etiq-clickable' : undefined}
        >
          {ticks(low, high, 3).map(tick => (
            <line key={tick} className="etiq-grid" x1={0} x2={WIDTH} y1={y(tick)} y2={y(tick)} />
          ))}
          <polyline
            className="etiq-chart-path"
            points={values.map(point => `${x(point.x)},${y(point.y)}`).join(' ')}
          />
        </svg>
        {values.length <= 120 &&
          values.map((point, index) => (
            <span
              key={index}
              className={index === near ? 'etiq-dot etiq-dot-near' : 'etiq-dot'}
              style={{ left: `${(x(point.x) / WIDTH) * 100}%`, top: y(point.y) }}
            />
          ))}
        {marked && markedPoint && (
          <span
            className="etiq-tip"
            style={{
              left: `${(x(marked.x) / WIDTH) * 100}%`,
              top: y(marked.y),
              transform: `translate(${marked.x > props.points.length / 2 ? 'calc(-100% - 8px)' : '8px'}, -50%)`
            }}
          >
            {markedPoint.name} <b>{metric(marked.y)}</b>
          </span>
        )}
      </div>
    </div>
  );
}

/** How values are spread: bars of equal width; two series are laid over each other. */
export function Histogram(props: {
  name: string;
  counts: readonly number[];
  other?: readonly number[];
  width?: number;
  height?: number;
}): JSX.Element {
  const { counts, other = [], width = 96, height = 24 } = props;
  const largest = Math.max(1, ...counts, ...other);
  const bars = (values: readonly number[], className: string): JSX.Element[] =>
    values.map((n, index) => {
      const size = round((n / largest) * (height - 1));
      const step = width / Math.max(1, values.length);
      return (
        <rect
          key={className + index}
          className={className}
          x={round(index * step)}
          y={height - size}
          width={Math.max(1, round(step - 1))}
          height={size}
        />
      );
    });
  const words = `Distribution of ${props.name}: ${counts.join(', ')}${other.length > 0 ? ` against ${other.join(', ')}` : ''}`;
  return (
    <svg
      className="etiq-histogram"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={words}
    >
      <title>{words}</title>
      {bars(counts, 'etiq-bar')}
      {bars(other, 'etiq-bar-other')}
    </svg>
  );
}
