import type { Edge, Node } from '../api';

export interface Placed {
  node: Node;
  /** Column, from the left, and place in it, from the top. */
  layer: number;
  row: number;
}

/**
 * A layered drawing, left to right: a snapshot stands right of everything it read from, and in its
 * column near its neighbours (barycentre sweeps). Edges that would make a circle are left out of
 * the layering, so that every input ends.
 */
export function layout(nodes: readonly Node[], edges: readonly Edge[]): Placed[] {
  const order = [...nodes].sort((a, b) => a.created_at.localeCompare(b.created_at));
  const at = new Map(order.map((node, index) => [node.id, index]));
  const forward = edges.filter(edge => (at.get(edge.source) ?? 0) < (at.get(edge.target) ?? -1));
  const layers = new Map<string, number>();
  for (const node of order) {
    // Sources of a forward edge are earlier in the order: their layer is known already.
    const above = forward
      .filter(edge => edge.target === node.id)
      .map(edge => (layers.get(edge.source) ?? 0) + 1);
    layers.set(node.id, Math.max(0, ...above));
  }
  const columns: Node[][] = [];
  for (const node of order) {
    const layer = layers.get(node.id) ?? 0;
    while (columns.length <= layer) {
      columns.push([]);
    }
    columns[layer]?.push(node);
  }
  sweep(columns, forward);
  return columns.flatMap((column, layer) => column.map((node, row) => ({ node, layer, row })));
}

function sweep(columns: Node[][], edges: readonly Edge[]): void {
  const neighbours = new Map<string, string[]>();
  const join = (a: string, b: string): void => {
    neighbours.set(a, [...(neighbours.get(a) ?? []), b]);
  };
  edges.forEach(edge => {
    join(edge.source, edge.target);
    join(edge.target, edge.source);
  });
  for (let round = 0; round < 4; round += 1) {
    const rows = new Map<string, number>();
    const record = (column: Node[]): void => column.forEach((node, row) => rows.set(node.id, row));
    columns.forEach(record);
    const sweepOrder = round % 2 === 0 ? columns : [...columns].reverse();
    for (const column of sweepOrder) {
      const weight = new Map(
        column.map((node, row) => {
          const near = (neighbours.get(node.id) ?? []).map(id => rows.get(id) ?? 0);
          const mean = near.reduce((sum, n) => sum + n, 0) / near.length;
          return [node.id, near.length === 0 ? row : mean];
        })
      );
      column.sort((a, b) => (weight.get(a.id) ?? 0) - (weight.get(b.id) ?? 0));
      record(column);
    }
  }
}
