import { expect, it } from 'vitest';

import type { Edge, Node } from '../../src/api';
import { boxes, layout, line } from '../../src/ui/pipeline';
import { minutesAgo } from '../nouns';

const node = (id: string, at: number): Node => ({
  id,
  short_id: '',
  name: id,
  failed: false,
  created_at: minutesAgo(100 - at),
  main_item: null,
  metrics: {}
});
const edge = (source: string, target: string): Edge => ({ source, target, items: ['x'] });
const sizes = { width: 100, height: 40, lane: 10, gapX: 50, gapY: 10, edge: 5 };

it('puts what was read left of what read it, and gives long edges a lane', () => {
  const nodes = [node('d', 4), node('a', 1), node('b', 2), node('c', 3)];
  const made = layout(nodes, [edge('a', 'b'), edge('b', 'c'), edge('c', 'd'), edge('a', 'd')]);
  const columns = made.columns.map(column => column.map(slot => slot.node?.id ?? '-').sort());
  expect(columns).toEqual([['a'], ['-', 'b'], ['-', 'c'], ['d']]);
  expect(
    made.routes.find(route => route.edge.target === 'd' && route.edge.source === 'a')?.through
  ).toHaveLength(4);
});

it('ends on circles and on edges to nowhere', () => {
  const made = layout(
    [node('a', 1), node('b', 2)],
    [edge('a', 'b'), edge('b', 'a'), edge('a', 'z')]
  );
  expect(made.columns).toHaveLength(2);
  expect(made.routes).toHaveLength(2);
});

it('lays no two boxes of a column over each other', () => {
  const nodes = Array.from({ length: 30 }, (_, n) => node(`n${n}`, n));
  const edges = nodes.slice(1).map((each, n) => edge(`n${Math.floor(n / 3)}`, each.id));
  const made = layout(nodes, edges);
  const { at, width, height } = boxes(made, sizes);
  for (const column of made.columns) {
    const placed = column.map(slot => at.get(slot.id)).sort((a, b) => (a?.y ?? 0) - (b?.y ?? 0));
    placed.slice(1).forEach((box, index) => {
      const above = placed[index];
      expect(box?.y).toBeGreaterThanOrEqual((above?.y ?? 0) + (above?.height ?? 0));
    });
    placed.forEach(box => {
      expect((box?.x ?? 0) + sizes.width).toBeLessThanOrEqual(width);
      expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(height);
    });
  }
  made.routes.forEach(route => expect(line(route, at, sizes)).toMatch(/^M\d.*C/));
});

it('keeps 500 snapshots quick', () => {
  const nodes = Array.from({ length: 500 }, (_, n) => node(`n${n}`, n));
  const edges = nodes.slice(5).map((each, n) => edge(`n${n}`, each.id));
  const start = performance.now();
  layout(nodes, edges);
  expect(performance.now() - start).toBeLessThan(1000);
});
