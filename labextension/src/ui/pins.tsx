import { useEffect, useState, type MouseEvent } from 'react';

import { path, type Project } from '../api';
import { useBackend } from './context';

/** The projects that their user wants at the top; where that is kept is the front end's matter. */
export interface Pins {
  /** UUIDs, in the order in which they were pinned. */
  readonly ids: readonly string[];
  toggle(project: Project): void;
}

export interface PinnedProjects {
  items: Project[];
  loading: boolean;
}

/**
 * The pinned projects as they are now, asked for one by one where the list has not got them; those
 * that are gone or cannot be asked for are left out. The list is null while it is under way.
 */
export function usePinned(ids: readonly string[], list: readonly Project[] | null): PinnedProjects {
  const backend = useBackend();
  const [answers, setAnswers] = useState<ReadonlyMap<string, Project | null>>(new Map());
  const listed = new Map(list?.map(project => [project.id, project]));
  const missing =
    list === null ? '' : ids.filter(id => !listed.has(id) && !answers.has(id)).join(' ');

  useEffect(() => {
    if (missing === '') {
      return;
    }
    const stop = new AbortController();
    const asked = missing.split(' ');
    const one = (id: string): Promise<Project | null> =>
      backend.get<Project>(path('projects', id), undefined, stop.signal).catch(() => null);
    void Promise.all(asked.map(one)).then(found => {
      if (!stop.signal.aborted) {
        const added = asked.map((id, index) => [id, found[index] ?? null] as const);
        setAnswers(known => new Map([...known, ...added]));
      }
    });
    return () => stop.abort();
  }, [backend, missing]);

  return {
    items: ids.flatMap(id => listed.get(id) ?? answers.get(id) ?? []),
    loading: ids.length > 0 && (list === null || missing !== '')
  };
}

/** A pin beside a project, for the mouse. */
export function PinMark(props: { project: Project; pins: Pins }): JSX.Element {
  const { project, pins } = props;
  const pinned = pins.ids.includes(project.id);
  return (
    <span
      className="etiq-pin"
      aria-hidden="true"
      data-pinned={pinned}
      title={pinned ? 'Unpin' : 'Pin to the top'}
      // The search box keeps the focus.
      onMouseDown={event => event.preventDefault()}
      onClick={(event: MouseEvent) => {
        event.stopPropagation();
        pins.toggle(project);
      }}
    >
      <svg viewBox="0 0 12 12" width="12" height="12">
        <path d="M4 1.2h4l-.6 3.6 1.8 1.9H2.8l1.8-1.9zM6 6.7v4.2" />
      </svg>
    </span>
  );
}
