import { useId, useState } from 'react';

import {
  path,
  type Me,
  type Member,
  type Page as PageOf,
  type Project,
  type Role,
  type User
} from '../api';
import { Confirm, ErrorNotice, useAction, useBackend, useResource, useSettled } from '../ui';
import { go } from './router';

const ROLES: [role: Role, meaning: string][] = [
  ['viewer', 'viewer: sees everything'],
  ['editor', 'editor: adds and changes snapshots'],
  ['owner', 'owner: also members and settings']
];

/** Who sees a project, and with which role. */
export function MembersTab(props: { project: Project; me: Me; onChanged(): void }): JSX.Element {
  const { project, me } = props;
  const backend = useBackend();
  const changing = useAction();
  const [removing, setRemoving] = useState<Member | null>(null);
  const manages = project.role === 'owner';
  const setRole = (username: string, role: Role): void =>
    changing.run(async () => {
      await backend.send('PUT', path('projects', project.id, 'members', username), { role });
      props.onChanged();
    });
  const remove = ({ user }: Member): void =>
    changing.run(async () => {
      await backend.send('DELETE', path('projects', project.id, 'members', user.username));
      setRemoving(null);
      if (user.id === me.user.id) {
        go('/');
      } else {
        props.onChanged();
      }
    });
  return (
    <div className="narrow-column">
      {manages && <Share project={project} onShared={props.onChanged} />}
      {changing.error !== undefined && removing === null && <ErrorNotice error={changing.error} />}
      <table className="etiq-table list members">
        <thead>
          <tr>
            <th scope="col">member</th>
            <th scope="col">role</th>
            <th scope="col">
              <span className="etiq-unseen">actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {project.members.map(member => {
            const myself = member.user.id === me.user.id;
            const name = member.user.username;
            return (
              <tr key={member.user.id}>
                <th scope="row">
                  {name}
                  {myself && <span className="etiq-quiet"> (you)</span>}
                </th>
                <td>
                  {manages && !myself ? (
                    <RoleSelect
                      label={`Role of ${name}`}
                      brief
                      value={member.role}
                      disabled={changing.running}
                      onChange={role => setRole(name, role)}
                    />
                  ) : (
                    member.role
                  )}
                </td>
                <td className="etiq-number">
                  {(manages || myself) && project.members.length > 1 && (
                    <button
                      type="button"
                      className="etiq-link etiq-danger"
                      aria-label={myself ? 'Leave the project' : `Remove ${name}`}
                      onClick={() => setRemoving(member)}
                    >
                      {myself ? 'Leave' : 'Remove'}
                    </button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {removing && (
        <Confirm
          {...(removing.user.id === me.user.id
            ? {
                title: `Leave ${project.name}?`,
                text: 'The project disappears from your list at once. Your snapshots stay in it.',
                verb: 'Leave'
              }
            : {
                title: `Remove ${removing.user.username} from ${project.name}?`,
                text: 'The project disappears from their list at once. Their snapshots stay in it.',
                verb: 'Remove'
              })}
          running={changing.running}
          error={changing.error !== undefined && <ErrorNotice error={changing.error} />}
          onCancel={() => setRemoving(null)}
          onConfirm={() => remove(removing)}
        />
      )}
    </div>
  );
}

function RoleSelect(props: {
  label: string;
  value: Role;
  /** Without what the roles mean. */
  brief?: boolean;
  disabled?: boolean;
  onChange(role: Role): void;
}): JSX.Element {
  return (
    <select
      className="etiq-input"
      aria-label={props.label}
      value={props.value}
      disabled={props.disabled}
      onChange={event => props.onChange(event.target.value as Role)}
    >
      {ROLES.map(([role, meaning]) => (
        <option key={role} value={role}>
          {props.brief ? role : meaning}
        </option>
      ))}
    </select>
  );
}

/** Add somebody by user name; names are offered from the second letter on. */
function Share(props: { project: Project; onShared(): void }): JSX.Element {
  const backend = useBackend();
  const [username, setUsername] = useState('');
  const [role, setRole] = useState<Role>('editor');
  const sharing = useAction();
  const list = useId();
  const typed = useSettled(username.trim());
  const found = useResource<PageOf<User>>(typed.length >= 2 ? '/users' : null, { q: typed });
  const members = new Set(props.project.members.map(member => member.user.id));
  return (
    <form
      className="toolbar share"
      onSubmit={event => {
        event.preventDefault();
        sharing.run(async () => {
          const to = path('projects', props.project.id, 'members', username.trim());
          await backend.send('PUT', to, { role });
          setUsername('');
          props.onShared();
        });
      }}
    >
      <label className="etiq-field">
        <span>Share with</span>
        <input
          className="etiq-input"
          placeholder="user name"
          list={list}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={username}
          onChange={event => setUsername(event.target.value)}
        />
        <datalist id={list}>
          {found.data?.items
            .filter(user => !members.has(user.id))
            .map(user => (
              <option key={user.id} value={user.username} />
            ))}
        </datalist>
      </label>
      <label className="etiq-field">
        <span>As</span>
        <RoleSelect label="Role of the new member" value={role} onChange={setRole} />
      </label>
      <button
        type="submit"
        className="etiq-button etiq-button-primary"
        disabled={username.trim() === '' || sharing.running}
      >
        Share
      </button>
      {sharing.error !== undefined && (
        <div className="etiq-field-wide">
          <ErrorNotice error={sharing.error} />
        </div>
      )}
    </form>
  );
}
