import type { CommandRegistry } from '@lumino/commands';
import { useEffect, useMemo, useRef, useState } from 'react';

import type { Project, SnapshotSummary, Status } from '../api';
import { UiProvider } from '../ui/context';
import { snapshotAddress, snapshotTitle } from '../ui/naming';
import { ErrorNotice } from '../ui/notices';
import type { Pins } from '../ui/pins';
import type { MenuEntry, Navigation, Target } from '../ui/props';
import { ProjectPicker } from '../ui/ProjectPicker';
import { useAction, useResource } from '../ui/resource';
import { SnapshotList } from '../ui/SnapshotList';
import { SnapshotView } from '../ui/SnapshotView';
import { StatusLine } from '../ui/StatusLine';
import { type BlankAction, blankList, blankOf, type IBlank } from './blank';
import { restoreCell } from './cells';
import { CommandIDs, dashboardOf } from './commands';
import { useSignal } from './hooks';
import type { IEtiqSession } from './session';
import type { IEtiqDocuments, IEtiqSessions, INamedSession } from './tokens';
import { VisibleBackend } from './visibleBackend';

/** Height of the preview before anybody moved it. */
const PREVIEW_HEIGHT = '45%';

export interface ISidebarProps {
  sessions: IEtiqSessions;
  commands: CommandRegistry;
  documents: IEtiqDocuments | null;
  /** Where a click on a snapshot shows it. */
  preview: 'below' | 'tab';
  /** Projects at the top of the picker. */
  pins?: Pins;
  visible: boolean;
  onAction(action: BlankAction): void;
  onInsert(code: string): void;
  onDrag(code: string, event: DragEvent): void;
  onSettings(): void;
}

/** The session of the current notebook, its projects and their snapshots. */
export function Sidebar(props: ISidebarProps): JSX.Element {
  useSignal(props.sessions.changed);
  const place = props.sessions.place;
  const blank = blankOf(place);
  if (place.kind !== 'session' || blank !== null) {
    return (
      <>
        <KernelChooser {...props} current={place.kind === 'session' ? place : null} />
        {blank && <Blank blank={blank} onAction={props.onAction} />}
      </>
    );
  }
  // The key drops everything that was shown of another kernel, also answers under way.
  return <Connected key={place.session.kernelId} {...props} at={place} />;
}

function Blank(props: { blank: IBlank; onAction(action: BlankAction): void }): JSX.Element {
  const { title, hint, action, waiting, kind } = props.blank;
  return (
    <div className="etiq-lab-blank" data-kind={kind} role="status">
      <p className="etiq-lab-blank-title">{title}</p>
      {hint && <p>{hint}</p>}
      {kind === 'not_loaded' && <code>%load_ext etiq_jupyter</code>}
      {waiting && <span className="etiq-lab-waiting" aria-hidden="true" />}
      {action && (
        <button
          type="button"
          className="etiq-button etiq-button-primary"
          onClick={() => props.onAction(action.id)}
        >
          {action.label}
        </button>
      )}
    </div>
  );
}

/** Which kernel's session is shown; only where there is a choice. */
function KernelChooser(
  props: ISidebarProps & { current: INamedSession | null }
): JSX.Element | null {
  const { choices } = props.sessions;
  const current = props.current?.session.kernelId ?? '';
  const listed = choices.some(choice => choice.session.kernelId === current);
  if (choices.length === 0 || (choices.length === 1 && listed)) {
    return null;
  }
  return (
    <label className="etiq-lab-kernel">
      <span className="etiq-unseen">Notebook</span>
      <select value={current} onChange={event => props.sessions.choose(event.target.value)}>
        {!listed && (
          <option value={current} disabled>
            {props.current?.name ?? 'other notebooks'}
          </option>
        )}
        {choices.map(({ name, session }) => (
          <option key={session.kernelId} value={session.kernelId}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Connected(props: ISidebarProps & { at: INamedSession }): JSX.Element | null {
  const { session } = props.at;
  const { status } = session;
  // Another user or dashboard sees other things under the same addresses.
  const identity = `${status?.user} ${status?.dashboard}`;
  const backend = useMemo(
    () => new VisibleBackend(session.backend),
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [session, identity]
  );
  useEffect(() => backend.setVisible(props.visible), [backend, props.visible]);
  const navigation = useMemo<Navigation>(
    () => ({ open: target => openTarget(target, props.documents, session) }),
    [props.documents, session]
  );
  if (status === null) {
    return null;
  }
  const blank = blankList(status);
  return (
    <UiProvider backend={backend} navigation={navigation}>
      <Head {...props} status={status} />
      {blank ? (
        <Blank blank={blank} onAction={props.onAction} />
      ) : (
        <Snapshots key={identity + status.project} {...props} status={status} />
      )}
    </UiProvider>
  );
}

function Head(props: ISidebarProps & { at: INamedSession; status: Status }): JSX.Element {
  const { status, at } = props;
  const { session } = at;
  const acting = useAction();
  return (
    <section className="etiq-lab-head" aria-label="Session">
      <StatusLine
        status={status}
        menu={menuOf(props)}
        onSendNow={
          status.state === 'expired'
            ? undefined
            : () => acting.run(async () => void (await session.sendNow()))
        }
      >
        <KernelChooser {...props} current={at} />
        <ProjectPicker
          current={status.project}
          currentName={status.project_name}
          onPick={project => {
            if (project.id !== session.status?.project) {
              acting.run(async () => void (await session.selectProject(project.id)));
            }
          }}
          onCreate={name => session.createProject(name)}
          pins={props.pins}
          disabled={acting.running}
        />
      </StatusLine>
      {status.state === 'local' && (
        <div className="etiq-lab-notice">
          <span>A dashboard shares them with your team.</span>
          <button
            type="button"
            className="etiq-button etiq-button-small"
            onClick={() => props.onAction('insert_login')}
          >
            Log in
          </button>
        </div>
      )}
      {acting.error !== undefined && <ErrorNotice error={acting.error} />}
    </section>
  );
}

function menuOf({ commands, at, onSettings }: ISidebarProps & { at: INamedSession }): MenuEntry[] {
  const command = (id: string, label: string): MenuEntry[] =>
    commands.hasCommand(id)
      ? [{ id, label, disabled: !commands.isEnabled(id), run: () => void commands.execute(id) }]
      : [];
  const loggedIn = Boolean(at.session.status?.user);
  return [
    ...(loggedIn ? command(CommandIDs.logOut, 'Log out') : []),
    ...command(CommandIDs.logIn, loggedIn ? 'Switch account' : 'Log in'),
    ...(dashboardOf(at.session) ? command(CommandIDs.openDashboard, 'Open dashboard') : []),
    ...command(CommandIDs.openPipelines, 'Pipelines'),
    { id: 'settings', label: 'Settings', run: onSettings }
  ];
}

function Snapshots(props: ISidebarProps & { at: INamedSession; status: Status }): JSX.Element {
  const { status } = props;
  const [shown, setShown] = useState<SnapshotSummary | null>(null);
  const project = useResource<Project>(`/projects/${encodeURIComponent(status.project)}`);
  const open = (snapshot: SnapshotSummary): void =>
    props.documents?.open(
      {
        kind: 'snapshot',
        snapshot: snapshotAddress(snapshot),
        title: snapshotTitle(snapshot)
      },
      props.at.session.kernelId
    );
  const below = props.preview === 'below' || props.documents === null;
  return (
    <>
      <section className="etiq-lab-list" aria-label="Snapshots">
        <SnapshotList
          project={status.project}
          pinned={project.data?.pinned}
          currentRun={status.run || undefined}
          selected={shown?.id}
          onSelect={below ? setShown : open}
          onOpen={props.documents ? open : setShown}
          onDragStart={(snapshot, event) =>
            props.onDrag(restoreCell(snapshotAddress(snapshot)), event)
          }
          onInsert={props.onInsert}
        />
      </section>
      {shown && (
        <Preview
          snapshot={shown}
          onClose={() => setShown(null)}
          onOpen={props.documents ? () => open(shown) : undefined}
          onInsert={props.onInsert}
        />
      )}
    </>
  );
}

function Preview(props: {
  snapshot: SnapshotSummary;
  onClose(): void;
  onOpen?(): void;
  onInsert(code: string): void;
}): JSX.Element {
  const { snapshot, onOpen, onInsert } = props;
  const [height, setHeight] = useState<number | null>(null);
  const frame = useRef<HTMLElement>(null);
  return (
    <section
      ref={frame}
      className="etiq-lab-preview"
      style={{ height: height ?? PREVIEW_HEIGHT }}
      aria-label={`Preview of ${snapshotTitle(snapshot)}`}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          props.onClose();
        }
      }}
    >
      <Handle onHeight={setHeight} shown={() => frame.current?.offsetHeight ?? 0} />
      <div className="etiq-lab-preview-bar">
        {onOpen && (
          <button
            type="button"
            className="etiq-button etiq-button-small"
            title="Open in a tab"
            onClick={onOpen}
          >
            Open
          </button>
        )}
        <button
          type="button"
          className="etiq-button etiq-button-small"
          aria-label="Close the preview"
          title="Close the preview"
          onClick={props.onClose}
        >
          ×
        </button>
      </div>
      <div className="etiq-lab-preview-body">
        <SnapshotView
          narrow
          snapshot={snapshot.id}
          actions={[
            {
              id: 'restore',
              label: 'Restore',
              title: 'Insert the cell that brings its variables back',
              run: chosen => onInsert(restoreCell(snapshotAddress(chosen)))
            }
          ]}
          onDeleted={props.onClose}
        />
      </div>
    </section>
  );
}

/** Between list and preview: dragged, or moved by the arrow keys. */
function Handle(props: {
  onHeight(height: number): void;
  /** The height now, which may be less than the wanted one. */
  shown(): number;
}): JSX.Element {
  const from = useRef<{ y: number; height: number } | null>(null);
  const set = (height: number): void => props.onHeight(Math.max(96, Math.round(height)));
  return (
    <div
      className="etiq-lab-handle"
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the preview"
      aria-valuenow={props.shown()}
      tabIndex={0}
      onPointerDown={event => {
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { y: event.clientY, height: props.shown() };
      }}
      onPointerMove={event => {
        if (from.current !== null) {
          set(from.current.height + from.current.y - event.clientY);
        }
      }}
      onLostPointerCapture={() => (from.current = null)}
      onKeyDown={event => {
        const step = { ArrowUp: 24, ArrowDown: -24 }[event.key];
        if (step !== undefined) {
          event.preventDefault();
          set(props.shown() + step);
        }
      }}
    />
  );
}

/** Go where a component leads: tabs for what has one, the dashboard for the rest. */
export function openTarget(
  target: Target,
  documents: IEtiqDocuments | null,
  session: IEtiqSession
): void {
  const { kernelId } = session;
  switch (target.kind) {
    case 'snapshot':
      documents?.open({ kind: 'snapshot', snapshot: target.snapshot }, kernelId);
      break;
    case 'compare':
      documents?.open({ kind: 'compare', a: target.a, b: target.b }, kernelId);
      break;
    case 'project':
      documents?.open({ kind: 'pipelines', project: target.project }, kernelId);
      break;
    case 'projects':
    case 'tokens': {
      const dashboard = dashboardOf(session);
      if (dashboard !== null) {
        const page = target.kind === 'tokens' ? 'tokens' : '';
        window.open(new URL(page, `${dashboard}/`).href, '_blank', 'noopener');
      }
    }
  }
}
