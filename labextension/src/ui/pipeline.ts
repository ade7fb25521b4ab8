import type { Edge, Node } from '../api';

/** A place in a column: a snapshot, or room for a long edge that passes through. */
export interface Slot {
  id: string;
  node: Node | null;
}

export interface Route {
  edge: Edge;
  /** The slots from the source to the target, both included. */
  through: string[];
}

export interface Layout {
  columns: Slot[][];
  routes: Route[];
}

/**
 * A layered drawing, left to right: a snapshot stands right of everything it read from, near its
 * neighbours (barycentre sweeps); an edge over several columns keeps a lane in each, so that no
 * line passes behind a node. Edges against time would make circles: they are not layered.
 */
export function layout(nodes: readonly Node[], edges: readonly Edge[]): Layout {
  const order = [...nodes].sort((a, b) => a.created_at.localeCompare(b.created_at));
  const layers = layersOf(order, edges);
  const columns: Slot[][] = Array.from({ length: Math.max(0, ...layers.values()) + 1 }, () => []);
  const place = (layer: number, slot: Slot): void => void columns[layer]?.push(slot);
  order.forEach(node => place(layers.get(node.id) ?? 0, { id: node.id, node }));
  const routes = edges
    .filter(edge => layers.has(edge.source) && layers.has(edge.target))
    .map(edge => {
      const [from, to] = [layers.get(edge.source) ?? 0, layers.get(edge.target) ?? 0];
      const lanes: string[] = [];
      for (let layer = from + 1; layer < to; layer += 1) {
        const id = `${edge.source} ${edge.target} ${layer}`;
        lanes.push(id);
        place(layer, { id, node: null });
      }
      return { edge, through: [edge.source, ...lanes, edge.target] };
    });
  sweep(columns, routes);
  return { columns: columns.filter(column => column.length > 0), routes };
}

function layersOf(order: readonly Node[], edges: readonly Edge[]): Map<string, number> {
  const at = new Map(order.map((node, index) => [node.id, index]));
  const sources = new Map<string, string[]>();
  for (const { source, target } of edges) {
    if ((at.get(source) ?? Infinity) < (at.get(target) ?? -1)) {
      add(sources, target, source);
    }
  }
  const layers = new Map<string, number>();
  for (const node of order) {
    // Sources are earlier in the order: their layers are known.
    const above = (sources.get(node.id) ?? []).map(source => (layers.get(source) ?? 0) + 1);
    layers.set(node.id, Math.max(0, ...above));
  }
  return layers;
}

function sweep(columns: Slot[][], routes: readonly Route[]): void {
  const neighbours = new Map<string, string[]>();
  for (const { through } of routes) {
    for (let index = 1; index < through.length; index += 1) {
      const [a, b] = [through[index - 1] as string, through[index] as string];
      add(neighbours, a, b);
      add(neighbours, b, a);
    }
  }
  // Positions are counted from the middle, as columns are centred.
  const rows = new Map<string, number>();
  const record = (column: Slot[]): void =>
    column.forEach((slot, row) => rows.set(slot.id, row - (column.length - 1) / 2));
  columns.forEach(record);
  for (let round = 0; round < 6; round += 1) {
    for (const column of round % 2 === 0 ? columns : [...columns].reverse()) {
      const weights = new Map(
        column.map(slot => {
          const near = neighbours.get(slot.id) ?? [];
          const sum = near.reduce((total, id) => total + (rows.get(id) ?? 0), 0);
          return [slot.id, near.length === 0 ? (rows.get(slot.id) ?? 0) : sum / near.length];
        })
      );
      column.sort((a, b) => (weights.get(a.id) ?? 0) - (weights.get(b.id) ?? 0));
      record(column);
    }
  }
}

function add(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list === undefined) {
    map.set(key, [value]);
  } else {
    list.push(value);
  }
}

export interface Box {
  x: number;
  y: number;
  height: number;
}

export interface Sizes {
  width: number;
  height: number;
  /** Height of a lane. */
  lane: number;
  gapX: number;
  gapY: number;
  edge: number;
}

/** Where every slot is, in pixels; and how large the whole is. */
export function boxes(
  { columns }: Layout,
  sizes: Sizes
): { at: Map<string, Box>; width: number; height: number } {
  const heightOf = (slot: Slot): number => (slot.node === null ? sizes.lane : sizes.height);
  const heights = columns.map(column =>
    column.reduce((sum, slot) => sum + heightOf(slot) + sizes.gapY, -sizes.gapY)
  );
  const tallest = Math.max(0, ...heights);
  const at = new Map<string, Box>();
  columns.forEach((column, layer) => {
    let y = sizes.edge + (tallest - (heights[layer] ?? 0)) / 2;
    for (const slot of column) {
      at.set(slot.id, {
        x: sizes.edge + layer * (sizes.width + sizes.gapX),
        y,
        height: heightOf(slot)
      });
      y += heightOf(slot) + sizes.gapY;
    }
  });
  return {
    at,
    width: 2 * sizes.edge + columns.length * (sizes.width + sizes.gapX) - sizes.gapX,
    height: 2 * sizes.edge + tallest
  };
}

/** The line of an edge through its lanes, as an SVG path; it ends before the arrow's head. */
export function line(route: Route, at: ReadonlyMap<string, Box>, sizes: Sizes): string {
  const found = route.through.map(id => at.get(id)).filter(box => box !== undefined);
  let path = '';
  found.forEach((box, index) => {
    const y = box.y + box.height / 2;
    const previous = found[index - 1];
    if (previous === undefined) {
      path = `M${box.x + sizes.width} ${y}`;
      return;
    }
    const before = previous.y + previous.height / 2;
    const [start, end] = [previous.x + sizes.width, box.x];
    const bend = Math.max(sizes.gapX / 2, (end - start) / 2);
    path += `C${start + bend} ${before} ${end - bend} ${y} ${end} ${y}`;
    if (index < found.length - 1) {
      path += `H${box.x + sizes.width}`;
    }
  });
  return path;
}
