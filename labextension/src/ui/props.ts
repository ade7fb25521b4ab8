import type { ReactNode } from 'react';

import type { Project, SnapshotDetail, SnapshotSummary, Status } from '../api';
import type { Pins } from './pins';

/** Places that components lead to. A front end turns them into tabs or addresses. */
export type Target =
  | { kind: 'projects' }
  | { kind: 'project'; project: string; tab?: 'snapshots' | 'pipelines' | 'members' | 'settings' }
  | { kind: 'snapshot'; snapshot: string }
  | { kind: 'compare'; a: string; b: string }
  | { kind: 'tokens' };

/** How a front end goes to places; given once, with `UiProvider`. */
export interface Navigation {
  open(target: Target): void;
  /** The address of a place, where places have one; else the link is a button. */
  href?(target: Target): string | null;
}

export interface ProjectPickerProps {
  /** Short id or UUID of the current project; empty for none. */
  current: string;
  /** Shown while the project is not loaded or not listed. */
  currentName?: string;
  onPick(project: Project): void;
  /** Given: a name that no project has can be made. Rejections are shown in the picker. */
  onCreate?(name: string): Promise<Project>;
  /** Given: projects can be pinned; they stand in a group of their own above the others. */
  pins?: Pins;
  disabled?: boolean;
}

export interface SnapshotListProps {
  /** Short id or UUID of the project. */
  project: string;
  /** Metrics shown in the rows, at most two; the project's pinned ones. */
  pinned?: readonly string[];
  /** The run of the notebook at hand: its snapshots are marked. */
  currentRun?: string;
  /** Highlighted row. */
  selected?: string;
  onSelect?(snapshot: SnapshotSummary): void;
  /** Enter or double click; without it the row goes where `Navigation.open` leads. */
  onOpen?(snapshot: SnapshotSummary): void;
  /** Given: rows can be dragged; sets what the drag carries. */
  onDragStart?(snapshot: SnapshotSummary, event: DragEvent): void;
  onContextMenu?(snapshot: SnapshotSummary, event: MouseEvent): void;
  /** The code to show in the empty list; a complete cell. */
  emptyCell?: string;
  /** Given: the empty list's cell can be inserted into the notebook. */
  onInsert?(code: string): void;
}

export interface SnapshotViewProps {
  /** Short id or UUID. */
  snapshot: string;
  /** Narrow: one column for the sidebar. Else the width decides. */
  narrow?: boolean;
  /** Extra actions of the front end, for example Restore; first one is primary. */
  actions?: readonly SnapshotAction[];
  /** Called with every newly loaded snapshot: titles of tabs and pages. */
  onLoaded?(snapshot: SnapshotDetail): void;
  /** Called when the snapshot was deleted; the view is stale then. */
  onDeleted?(): void;
}

export interface SnapshotAction {
  id: string;
  label: string;
  title?: string;
  disabled?: boolean;
  run(snapshot: SnapshotDetail): void | Promise<void>;
}

export interface CompareViewProps {
  a: string;
  b: string;
  narrow?: boolean;
}

export interface StatusLineProps {
  status: Status;
  /** Given: a button to send what waits. */
  onSendNow?(): void;
  /** Entries of the [...] menu. */
  menu?: readonly MenuEntry[];
  /** Between who is logged in where and what is unsent. */
  children?: ReactNode;
}

export interface MenuEntry {
  id: string;
  label: string;
  disabled?: boolean;
  danger?: boolean;
  run(): void;
}

export interface EmptyStateProps {
  /** One sentence: what is so. */
  title: string;
  /** One sentence: what to do next. */
  hint?: ReactNode;
  /** A cell to run, shown with a copy button. */
  code?: string;
  action?: { label: string; run(): void };
}

export interface ErrorNoticeProps {
  error: unknown;
  onRetry?(): void;
}

export interface PipelineGraphProps {
  /** Short id or UUID of the project. */
  project: string;
  narrow?: boolean;
}
