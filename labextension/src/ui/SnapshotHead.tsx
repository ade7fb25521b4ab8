import { useState } from 'react';

import { path, type SnapshotDetail } from '../api';
import { PlaceLink, useBackend, useNavigation } from './context';
import { Confirm, Dialog, Menu } from './controls';
import { duration, exactTime } from './format';
import { snapshotAddress, snapshotId, snapshotTitle } from './naming';
import { ErrorNotice } from './notices';
import type { MenuEntry, SnapshotViewProps } from './props';
import { RelativeTime } from './RelativeTime';
import { useAction } from './resource';
import { StateDot } from './StateDot';
import { TagEditor } from './TagEditor';

interface HeadProps extends Omit<SnapshotViewProps, 'snapshot'> {
  snapshot: SnapshotDetail;
  onChanged(): void;
}

/** What a snapshot is called, who made it when and where, and what can be done with it. */
export function SnapshotHead(props: HeadProps): JSX.Element {
  const { snapshot } = props;
  const backend = useBackend();
  const editable = backend.capabilities.edit && snapshot.role !== 'viewer';
  return (
    <header className="etiq-head">
      <div className="etiq-head-line">
        <h1>
          <span className="etiq-head-id">{snapshotId(snapshot)}</span>{' '}
          {snapshot.name || <span className="etiq-quiet">no name</span>}
        </h1>
        <Actions {...props} editable={editable} />
      </div>
      <Where snapshot={snapshot} />
      <div className="etiq-head-facts">
        {snapshot.author && <span>{snapshot.author}</span>}
        <span>
          {exactTime(new Date(snapshot.created_at))} (
          <RelativeTime time={snapshot.created_at} sentence />)
        </span>
        <span>ran {duration(snapshot.duration)}</span>
        <StateDot state={snapshot.state} />
        {snapshot.failed && <StateDot state="failed" />}
      </div>
      <div className="etiq-head-notes">
        <TagEditor snapshot={snapshot} editable={editable} onChanged={props.onChanged} />
        <Note snapshot={snapshot} editable={editable} onChanged={props.onChanged} />
      </div>
    </header>
  );
}

function Where({ snapshot }: { snapshot: SnapshotDetail }): JSX.Element {
  const project = snapshot.project_short_id || snapshot.project;
  const run = snapshot.run_detail;
  return (
    <div className="etiq-head-where">
      <PlaceLink to={{ kind: 'project', project }}>{snapshot.project_name || project}</PlaceLink>
      {(run?.name ?? snapshot.run_name) && (
        <span>
          {' / '}
          {run?.short_id ? `${run.short_id} of ` : 'run of '}
          {run?.name ?? snapshot.run_name}
        </span>
      )}
      {snapshot.execution_count > 0 && <span> / cell {snapshot.execution_count}</span>}
      {run?.host && <span className="etiq-quiet"> on {run.host}</span>}
    </div>
  );
}

type Asking = 'rename' | 'delete' | null;

function Actions(props: HeadProps & { editable: boolean }): JSX.Element {
  const { snapshot, editable, actions = [] } = props;
  const [asking, setAsking] = useState<Asking>(null);
  const running = useAction();
  const more: MenuEntry[] = editable
    ? [
        { id: 'rename', label: 'Rename', run: () => setAsking('rename') },
        { id: 'delete', label: 'Delete', danger: true, run: () => setAsking('delete') }
      ]
    : [];
  return (
    <div className="etiq-actions">
      {actions.map((action, index) => (
        <button
          key={action.id}
          type="button"
          className={index === 0 ? 'etiq-button etiq-button-primary' : 'etiq-button'}
          title={action.title}
          disabled={action.disabled || running.running}
          onClick={() => running.run(async () => action.run(snapshot))}
        >
          {action.label}
        </button>
      ))}
      <CompareMenu snapshot={snapshot} />
      {more.length > 0 && <Menu label="⋯" name="More actions" entries={more} />}
      {running.error !== undefined && <ErrorNotice error={running.error} />}
      {asking === 'rename' && <Rename {...props} onClose={() => setAsking(null)} />}
      {asking === 'delete' && <Delete {...props} onClose={() => setAsking(null)} />}
    </div>
  );
}

/** Compare with the last snapshot of this cell, or with one that this one read from or fed. */
function CompareMenu({ snapshot }: { snapshot: SnapshotDetail }): JSX.Element | null {
  const navigation = useNavigation();
  const { previous, parents, children } = snapshot;
  const here = snapshotAddress(snapshot);
  const earlier = [...(previous === null ? [] : [previous]), ...parents];
  const entry = (link: (typeof parents)[number], label: string, later: boolean): MenuEntry => ({
    id: link.id,
    label,
    run: () => {
      const other = snapshotAddress(link);
      navigation.open({ kind: 'compare', a: later ? here : other, b: later ? other : here });
    }
  });
  const entries = [
    ...earlier.map(link => entry(link, `with ${snapshotTitle(link)}`, false)),
    ...children.map(link => entry(link, `with ${snapshotTitle(link)}`, true))
  ].filter((one, index, all) => all.findIndex(other => other.id === one.id) === index);
  return entries.length === 0 ? null : <Menu label="Compare ▾" name="Compare" entries={entries} />;
}

function Rename(props: HeadProps & { onClose(): void }): JSX.Element {
  const { snapshot } = props;
  const backend = useBackend();
  const [name, setName] = useState(snapshot.name);
  const saving = useAction();
  return (
    <Dialog title={`Rename ${snapshotId(snapshot)}`} onClose={props.onClose}>
      <form
        onSubmit={event => {
          event.preventDefault();
          saving.run(async () => {
            await backend.send('PATCH', path('snapshots', snapshot.id), { name: name.trim() });
            props.onClose();
            props.onChanged();
          });
        }}
      >
        <label className="etiq-field">
          <span>Name</span>
          <input
            className="etiq-input"
            autoFocus
            maxLength={200}
            value={name}
            onChange={event => setName(event.target.value)}
          />
        </label>
        {saving.error !== undefined && <ErrorNotice error={saving.error} />}
        <div className="etiq-actions">
          <button type="button" className="etiq-button" onClick={props.onClose}>
            Cancel
          </button>
          <button
            type="submit"
            className="etiq-button etiq-button-primary"
            disabled={saving.running}
          >
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete(props: HeadProps & { onClose(): void }): JSX.Element {
  const { snapshot } = props;
  const backend = useBackend();
  const deleting = useAction();
  return (
    <Confirm
      title={`Delete ${snapshotTitle(snapshot)}?`}
      text="Its variables, outputs and source are deleted for everybody in the project. This cannot be undone."
      verb="Delete"
      running={deleting.running}
      error={deleting.error !== undefined && <ErrorNotice error={deleting.error} />}
      onCancel={props.onClose}
      onConfirm={() =>
        deleting.run(async () => {
          await backend.send('DELETE', path('snapshots', snapshot.id));
          props.onClose();
          props.onDeleted?.();
        })
      }
    />
  );
}

function Note(props: {
  snapshot: SnapshotDetail;
  editable: boolean;
  onChanged(): void;
}): JSX.Element | null {
  const { snapshot, editable } = props;
  const backend = useBackend();
  const [text, setText] = useState<string | null>(null);
  const saving = useAction();
  if (text === null) {
    if (!snapshot.note && !editable) {
      return null;
    }
    return (
      <p className="etiq-note">
        {snapshot.note && <span className="etiq-note-text">{snapshot.note} </span>}
        {editable && (
          <button type="button" className="etiq-link" onClick={() => setText(snapshot.note)}>
            {snapshot.note ? 'Edit note' : 'Add a note'}
          </button>
        )}
      </p>
    );
  }
  return (
    <form
      className="etiq-note"
      onSubmit={event => {
        event.preventDefault();
        saving.run(async () => {
          await backend.send('PATCH', path('snapshots', snapshot.id), { note: text });
          setText(null);
          props.onChanged();
        });
      }}
    >
      <textarea
        className="etiq-input"
        aria-label="Note"
        rows={3}
        autoFocus
        value={text}
        onChange={event => setText(event.target.value)}
      />
      {saving.error !== undefined && <ErrorNotice error={saving.error} />}
      <div className="etiq-actions">
        <button type="button" className="etiq-button" onClick={() => setText(null)}>
          Cancel
        </button>
        <button type="submit" className="etiq-button etiq-button-primary" disabled={saving.running}>
          Save note
        </button>
      </div>
    </form>
  );
}
