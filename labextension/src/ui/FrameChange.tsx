import { Histogram } from './charts';
import { count } from './format';
import { cell } from './format';

/** A frame comparison as `compare` makes it; other sides' content, so all of it is checked. */
export interface FrameComparison {
  rows?: { added?: number; removed?: number; changed?: number; same?: number; key?: string[] };
  schema?: {
    added?: string[];
    removed?: string[];
    changed?: { name: string; a: string; b: string }[];
  };
}

export function isFrameComparison(
  detail: Record<string, unknown>
): detail is Record<string, unknown> & FrameComparison {
  return typeof detail.rows === 'object' && detail.rows !== null;
}

export function FrameChange(props: {
  comparison: FrameComparison;
  labels: [string, string];
}): JSX.Element {
  const { rows } = props.comparison;
  return (
    <p>
      {count(rows?.added ?? 0)} rows added, {cell(rows?.removed)} removed
      <Histogram name="" counts={[]} />
    </p>
  );
}
