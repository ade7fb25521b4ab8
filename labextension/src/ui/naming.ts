import type { SnapshotSummary } from '../api';

/** What people call a snapshot: its short id, or its place in its run while it has none. */
export function snapshotId(snapshot: { id: string; short_id: string; sequence?: number }): string {
  if (snapshot.short_id !== '') {
    return snapshot.short_id;
  }
  return snapshot.sequence ? `#${snapshot.sequence}` : `…${snapshot.id.slice(-6)}`;
}

/** Id and name: `SNP-42 fit baseline`. */
export function snapshotTitle(snapshot: { id: string; short_id: string; name: string }): string {
  return snapshot.name ? `${snapshotId(snapshot)} ${snapshot.name}` : snapshotId(snapshot);
}

/** How a snapshot is addressed: readable where it can be. */
export function snapshotAddress(snapshot: { id: string; short_id: string }): string {
  return snapshot.short_id || snapshot.id;
}

/** The metrics a list has room for: the pinned ones, else the first. */
export function shownMetrics(
  snapshot: Pick<SnapshotSummary, 'metrics'>,
  pinned: readonly string[]
): [name: string, value: number | null][] {
  const names = pinned.filter(name => name in snapshot.metrics);
  const rest = names.length > 0 ? names : Object.keys(snapshot.metrics);
  return rest.slice(0, 2).map(name => [name, snapshot.metrics[name] ?? null]);
}
