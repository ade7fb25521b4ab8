import type { Problem, Status } from '../api';
import type { Place } from './tokens';

/** What a button of a blank state does. */
export type BlankAction =
  | 'new_notebook'
  | 'choose_kernel'
  | 'insert_load'
  | 'insert_login'
  | 'restart_kernel'
  | 'choose_project'
  | 'retry';

/** Why there is nothing to show: one sentence on what is so, one on what to do, one button. */
export interface IBlank {
  readonly kind: string;
  readonly title: string;
  readonly hint: string;
  readonly action: { readonly id: BlankAction; readonly label: string } | null;
  /** Something is under way: nothing to do but wait. */
  readonly waiting?: boolean;
}

/** Why the sidebar is blank, or null when there is a session to show. */
export function blankOf(place: Place): IBlank | null {
  switch (place.kind) {
    case 'no_notebook':
      return {
        kind: 'no_notebook',
        title: 'No notebook is open.',
        hint: 'The session of its kernel is shown here.',
        action: { id: 'new_notebook', label: 'New notebook' }
      };
    case 'no_kernel':
      return place.starting
        ? waiting('starting', `${place.name} is starting its kernel.`)
        : {
            kind: 'no_kernel',
            title: `${place.name} has no kernel.`,
            hint: 'Choose one to see its session here.',
            action: { id: 'choose_kernel', label: 'Choose a kernel' }
          };
    case 'session':
      return blankOfSession(place);
  }
}

function blankOfSession({ name, session }: Place & { kind: 'session' }): IBlank | null {
  const state = session.state;
  switch (state.kind) {
    case 'ready':
      return null;
    case 'looking':
      return waiting('looking', `Asking the kernel of ${name}.`);
    case 'restarting':
      return waiting('restarting', `The kernel of ${name} is restarting.`);
    case 'disconnected':
      return waiting('disconnected', `Waiting for the connection to the kernel of ${name}.`);
    case 'dead':
      return {
        kind: 'dead',
        title: `The kernel of ${name} has died.`,
        hint: 'Its snapshots are kept on its disk and can be restored after a restart.',
        action: { id: 'restart_kernel', label: 'Restart the kernel' }
      };
    case 'not_python':
      return {
        kind: 'not_python',
        title: `The kernel of ${name} speaks ${capital(state.language)}, not Python.`,
        hint: 'etiq_jupyter keeps what Python cells do.',
        action: { id: 'choose_kernel', label: 'Choose a kernel' }
      };
    case 'not_loaded':
      return {
        kind: 'not_loaded',
        title: `The kernel of ${name} has not loaded etiq_jupyter.`,
        hint: 'Run this cell once in the notebook.',
        action: { id: 'insert_load', label: 'Insert the cell' }
      };
    case 'no_answer':
      return unanswered(name, state.problem);
  }
}

function waiting(kind: string, title: string): IBlank {
  return { kind, title, hint: '', action: null, waiting: true };
}

function unanswered(name: string, problem: Problem): IBlank {
  const silent = problem.code === 'no_answer';
  return {
    kind: 'no_answer',
    title: silent
      ? `The kernel of ${name} did not answer.`
      : `The kernel of ${name} answered with an error: ${problem.what}.`,
    hint: silent
      ? 'A long computation in compiled code can hold it up; it is asked again when it is idle.'
      : [problem.why, problem.hint].filter(text => text !== '').join('. '),
    action: { id: 'retry', label: 'Try again' }
  };
}

/** Why the list of a session is blank, or null when there is one to show. */
export function blankList(status: Status): IBlank | null {
  if (status.state === 'expired') {
    const waits = status.sync.pending;
    return {
      kind: 'expired',
      title: 'The access token is no longer accepted.',
      hint:
        waits === 0
          ? 'Log in again to see the project.'
          : `${waits === 1 ? '1 snapshot waits' : `${waits} snapshots wait`} here and will be sent after the next login.`,
      action: { id: 'insert_login', label: 'Log in again' }
    };
  }
  if (status.project === '') {
    return {
      kind: 'no_project',
      title: 'No project is chosen.',
      hint: 'Without one, the first snapshot makes a project with the name of the notebook.',
      action: { id: 'choose_project', label: 'Choose a project' }
    };
  }
  return null;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
