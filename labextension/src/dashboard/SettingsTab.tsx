import { useId, useState } from 'react';

import { path, type Page as PageOf, type Project, type SnapshotSummary } from '../api';
import {
  Confirm,
  ErrorNotice,
  useAction,
  useBackend,
  useKnown,
  useNavigation,
  useResource
} from '../ui';

const MAX_PINNED = 2;

/** A project's name, description and pinned metrics; and its end. */
export function SettingsTab(props: { project: Project; onChanged(): void }): JSX.Element {
  const { project } = props;
  if (project.role !== 'owner') {
    const owners = project.members.filter(member => member.role === 'owner');
    return (
      <p className="etiq-quiet">
        Only an owner of the project can change its settings
        {owners.length > 0 && `: ask ${owners.map(owner => owner.user.username).join(' or ')}`}.
      </p>
    );
  }
  return (
    <div className="narrow-column">
      <Facts {...props} key={project.id} />
      <Ending project={project} />
    </div>
  );
}

function Facts(props: { project: Project; onChanged(): void }): JSX.Element {
  const { project } = props;
  const backend = useBackend();
  const [name, setName] = useState(project.name);
  const [description, setDescription] = useState(project.description);
  const [pinned, setPinned] = useState<readonly string[]>(project.pinned);
  const [saved, setSaved] = useState(false);
  const saving = useAction();
  const changed =
    name !== project.name ||
    description !== project.description ||
    pinned.join('\n') !== project.pinned.join('\n');
  return (
    <form
      className="stack"
      onSubmit={event => {
        event.preventDefault();
        saving.run(async () => {
          await backend.send('PATCH', path('projects', project.id), {
            name: name.trim(),
            description,
            pinned: pinned.map(each => each.trim()).filter(Boolean)
          });
          setSaved(true);
          props.onChanged();
        });
      }}
    >
      <label className="etiq-field">
        <span>Name</span>
        <input
          className="etiq-input"
          maxLength={200}
          required
          value={name}
          onChange={event => setName(event.target.value)}
        />
      </label>
      <label className="etiq-field">
        <span>Description</span>
        <textarea
          className="etiq-input"
          rows={3}
          value={description}
          onChange={event => setDescription(event.target.value)}
        />
      </label>
      <PinnedMetrics project={project} value={pinned} onChange={setPinned} />
      {saving.error !== undefined && <ErrorNotice error={saving.error} />}
      <div className="etiq-actions">
        <button
          type="submit"
          className="etiq-button etiq-button-primary"
          disabled={!changed || name.trim() === '' || saving.running}
        >
          Save
        </button>
        <span role="status">{saved && !changed && 'Saved'}</span>
      </div>
    </form>
  );
}

/** Up to two metrics shown in lists; those that snapshots have are offered. */
function PinnedMetrics(props: {
  project: Project;
  value: readonly string[];
  onChange(value: string[]): void;
}): JSX.Element {
  const list = useId();
  const latest = useResource<PageOf<SnapshotSummary>>(
    path('projects', props.project.id, 'snapshots'),
    { limit: 50, sort: '-created' }
  );
  const known = useKnown(latest.data?.items ?? []);
  const places = Array.from({ length: MAX_PINNED }, (_, index) => props.value[index] ?? '');
  return (
    <fieldset className="stack-fields">
      <legend>Pinned metrics</legend>
      {places.map((value, index) => (
        <input
          key={index}
          className="etiq-input"
          aria-label={`Pinned metric ${index + 1}`}
          placeholder={index === 0 ? 'for example acc' : 'a second one'}
          list={list}
          autoComplete="off"
          value={value}
          onChange={event =>
            props.onChange(
              places.map((each, at) => (at === index ? event.target.value : each)).filter(Boolean)
            )
          }
        />
      ))}
      <datalist id={list}>
        {known.metrics.map(name => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <small className="etiq-quiet">Shown in lists; the first one also as a line.</small>
    </fieldset>
  );
}

function Ending({ project }: { project: Project }): JSX.Element {
  const backend = useBackend();
  const navigation = useNavigation();
  const [asking, setAsking] = useState(false);
  const deleting = useAction();
  return (
    <section className="ending">
      <h2>Delete this project</h2>
      <p>
        Its snapshots are deleted for all members. What notebooks keep on their own disks stays.
      </p>
      <button type="button" className="etiq-button etiq-danger" onClick={() => setAsking(true)}>
        Delete the project
      </button>
      {asking && (
        <Confirm
          title={`Delete ${project.name}?`}
          text="All its snapshots are deleted for all members. This cannot be undone."
          verb="Delete"
          typed={project.name}
          running={deleting.running}
          error={deleting.error !== undefined && <ErrorNotice error={deleting.error} />}
          onCancel={() => setAsking(false)}
          onConfirm={() =>
            deleting.run(async () => {
              await backend.send('DELETE', path('projects', project.id));
              navigation.open({ kind: 'projects' });
            })
          }
        />
      )}
    </section>
  );
}
