import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

import type { Project } from '../api';
import { useBackend } from './context';
import { count } from './format';
import { ErrorNotice, Loading } from './notices';
import { PinMark, usePinned, type Pins } from './pins';
import type { ProjectPickerProps } from './props';
import { RelativeTime } from './RelativeTime';
import { useAction, usePages, useSettled, type Action } from './resource';

type Owned = '' | 'mine' | 'shared';
const NONE: readonly string[] = [];
const OWNED: [Owned, string][] = [
  ['', 'All'],
  ['mine', 'Mine'],
  ['shared', 'Shared with me']
];

/** The current project, and a list to pick or make another: search, arrows, Enter. */
export function ProjectPicker(props: ProjectPickerProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) {
      return;
    }
    const away = (event: Event): void => {
      if (!(event.target instanceof Node && root.current?.contains(event.target))) {
        setOpen(false);
      }
    };
    document.addEventListener('pointerdown', away);
    document.addEventListener('focusin', away);
    return () => {
      document.removeEventListener('pointerdown', away);
      document.removeEventListener('focusin', away);
    };
  }, [open]);

  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };

  return (
    <div className="etiq-picker" ref={root}>
      <button
        type="button"
        ref={button}
        className="etiq-picker-button"
        aria-haspopup="dialog"
        aria-expanded={open}
        disabled={props.disabled}
        onClick={() => setOpen(!open)}
      >
        <span className="etiq-quiet">Project</span>
        <span className="etiq-picker-name">
          {props.currentName || props.current || <span className="etiq-quiet">none chosen</span>}
        </span>
        <span aria-hidden="true">▾</span>
      </button>
      {open && <Choices {...props} onClose={close} />}
    </div>
  );
}

function Choices(props: ProjectPickerProps & { onClose(): void }): JSX.Element {
  const backend = useBackend();
  const id = useId();
  const [text, setText] = useState('');
  const [owned, setOwned] = useState<Owned>('');
  const [active, setActive] = useState(0);
  const query = useSettled(text.trim());
  const pages = usePages<Project>('/projects', { q: query, owned, sort: '-activity' });
  const making = useAction();
  // While nothing narrows the list, what is pinned comes first.
  const pinned = usePinned(
    owned === '' && query === '' ? (props.pins?.ids ?? NONE) : NONE,
    pages.loading && pages.items.length === 0 ? null : pages.items
  );
  const isPinned = new Set(pinned.items.map(project => project.id));
  const others = pages.items.filter(project => !isPinned.has(project.id));
  // Not one after the other: what somebody points at must stay where it is.
  const loading = pages.loading || pinned.loading;
  const items = pinned.loading ? [] : [...pinned.items, ...others];

  const wanted = text.trim();
  const exists = pages.items.some(project => project.name === wanted);
  const canMake =
    props.onCreate !== undefined &&
    backend.capabilities.createProjects &&
    wanted !== '' &&
    !exists &&
    query === wanted &&
    !pages.loading;
  const choices = items.length + (canMake ? 1 : 0);
  const at = Math.min(active, choices - 1);

  const pick = (project: Project): void => {
    props.onPick(project);
    props.onClose();
  };
  const make = (): void =>
    making.run(async () => {
      const made = await props.onCreate?.(wanted);
      if (made !== undefined) {
        pick(made);
      }
    });
  const take = (index: number): void => {
    const project = items[index];
    if (project !== undefined) {
      pick(project);
    } else if (canMake) {
      make();
    }
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setActive(choices === 0 ? 0 : (at + step + choices) % choices);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      take(at);
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      props.onClose();
    }
  };

  const chosen = items[at];
  const choice = (project: Project, index: number): JSX.Element => (
    <ProjectChoice
      key={project.id}
      id={`${id}-${index}`}
      project={project}
      pins={props.pins}
      active={index === at}
      current={props.current === project.id || props.current === project.short_id}
      onPick={() => pick(project)}
    />
  );

  return (
    <div className="etiq-picker-popup" role="dialog" aria-label="Choose a project">
      <input
        className="etiq-input"
        type="search"
        role="combobox"
        aria-label="Search or name a new project"
        aria-expanded={choices > 0}
        aria-controls={id}
        aria-activedescendant={choices > 0 ? `${id}-${at}` : undefined}
        placeholder={props.onCreate ? 'search, or name a new one' : 'search'}
        autoFocus
        autoComplete="off"
        maxLength={200}
        value={text}
        onChange={event => {
          setText(event.target.value);
          setActive(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div className="etiq-segments" role="group" aria-label="Whose projects">
        {OWNED.map(([value, label]) => (
          <button
            key={value}
            type="button"
            aria-pressed={owned === value}
            onClick={() => setOwned(value)}
          >
            {label}
          </button>
        ))}
      </div>
      <ul id={id} role="listbox" aria-label="Projects" className="etiq-choices">
        {isPinned.size > 0 && !pinned.loading ? (
          <>
            <Group name="Pinned">{items.slice(0, isPinned.size).map(choice)}</Group>
            {others.length > 0 && (
              <Group name="Others">
                {others.map((project, index) => choice(project, isPinned.size + index))}
              </Group>
            )}
          </>
        ) : (
          items.map(choice)
        )}
        {canMake && (
          <li
            id={`${id}-${items.length}`}
            role="option"
            aria-selected={at === items.length}
            onClick={make}
          >
            <span>
              {making.running ? 'Creating' : 'Create'} <b>{wanted}</b>
            </span>
          </li>
        )}
      </ul>
      <ChoicesFoot
        pages={{ ...pages, loading }}
        making={making}
        wanted={wanted}
        nothing={choices === 0}
      />
      {props.pins !== undefined && chosen !== undefined && (
        <PinButton project={chosen} pins={props.pins} />
      )}
    </div>
  );
}

function Group({ name, children }: { name: string; children: ReactNode }): JSX.Element {
  return (
    <li role="presentation">
      <div className="etiq-choices-name" aria-hidden="true">
        {name}
      </div>
      <ul role="group" aria-label={name}>
        {children}
      </ul>
    </li>
  );
}

/** Pins the project that the arrow keys are at, or takes its pin away. */
function PinButton({ project, pins }: { project: Project; pins: Pins }): JSX.Element {
  return (
    <button type="button" className="etiq-link etiq-more" onClick={() => pins.toggle(project)}>
      {pins.ids.includes(project.id) ? 'Unpin' : 'Pin'} {project.name}
    </button>
  );
}

function ProjectChoice(props: {
  id: string;
  project: Project;
  pins: Pins | undefined;
  active: boolean;
  current: boolean;
  onPick(): void;
}): JSX.Element {
  const { project, pins } = props;
  return (
    <li
      id={props.id}
      role="option"
      aria-selected={props.active}
      aria-current={props.current || undefined}
      onClick={props.onPick}
    >
      <span className="etiq-picker-name">{project.name}</span>
      <span className="etiq-quiet" title={count(project.snapshots, 'snapshot')}>
        {[
          project.role === 'owner' ? '' : project.role,
          project.role === 'owner' || !project.owner ? '' : `${project.owner.username}'s`
        ]
          .filter(Boolean)
          .join(', ')}{' '}
        {project.last_activity && <RelativeTime time={project.last_activity} />}
      </span>
      {pins && <PinMark project={project} pins={pins} />}
    </li>
  );
}

function ChoicesFoot(props: {
  pages: { loading: boolean; error: unknown; more: boolean; loadMore(): void; reload(): void };
  making: Action;
  wanted: string;
  nothing: boolean;
}): JSX.Element {
  const { pages, making } = props;
  return (
    <>
      {pages.loading && <Loading what="projects" />}
      {pages.error !== undefined && <ErrorNotice error={pages.error} onRetry={pages.reload} />}
      {making.error !== undefined && <ErrorNotice error={making.error} />}
      {pages.more && (
        <button type="button" className="etiq-link etiq-more" onClick={pages.loadMore}>
          Show more
        </button>
      )}
      {props.nothing && !pages.loading && pages.error === undefined && (
        <p className="etiq-quiet">
          {props.wanted ? 'No project has this name.' : 'No projects yet: type a name to make one.'}
        </p>
      )}
    </>
  );
}
