import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, InputDialog, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import { asProblem } from '../api';
import { insertCode, keepActiveCell, LOAD_CELL, LOGIN_CELL, restoreCell, takesCode } from './cells';
import { etiqIcon } from './icon';
import type { IEtiqSession } from './session';
import type { IEtiqDocuments, IEtiqSessions } from './tokens';

export namespace CommandIDs {
  export const show = 'etiq:show';
  export const chooseProject = 'etiq:choose-project';
  export const logIn = 'etiq:log-in';
  export const logOut = 'etiq:log-out';
  export const load = 'etiq:load-extension';
  export const sendNow = 'etiq:send-now';
  export const retry = 'etiq:ask-again';
  export const openDashboard = 'etiq:open-dashboard';
  export const openSnapshot = 'etiq:open-snapshot';
  export const openPipelines = 'etiq:open-pipelines';
  export const restore = 'etiq:insert-restore';
  export const keepCell = 'etiq:keep-cell';
  export const copyId = 'etiq:copy-snapshot-id';
  export const openDocument = 'etiq:open-document';
}

export interface ICommandsOptions {
  app: JupyterFrontEnd;
  sessions: IEtiqSessions;
  documents: IEtiqDocuments | null;
  trans: TranslationBundle;
}

type Args = ReadonlyPartialJSONObject;

/** What a command takes, for those who find it by its description. */
export const NO_ARGUMENTS = { args: { type: 'object', properties: {} } };
const OF_SNAPSHOT = {
  args: {
    type: 'object',
    properties: {
      snapshot: {
        type: 'string',
        description: 'Short id or UUID of a snapshot; without it the row of the context menu.'
      }
    }
  }
};

/** Commands about the session at hand, its cells and snapshots. */
export function addCommands({ app, sessions, documents, trans }: ICommandsOptions): void {
  const { commands } = app;
  const widget = (): Widget | null => {
    const place = sessions.place;
    return place.kind === 'no_notebook' ? null : place.widget;
  };
  const session = (): IEtiqSession | null => {
    const place = sessions.place;
    return place.kind === 'session' && place.session.status !== null ? place.session : null;
  };
  const insert = (code: string): void => insertHere(app, sessions, code);
  /** The snapshot of the arguments, or of the row that the context menu is on. */
  const snapshotOf = (args: Args): string | null => {
    const row = app.contextMenuHitTest(node => node.dataset.address !== undefined);
    return (args['snapshot'] as string | undefined) ?? row?.dataset.address ?? null;
  };

  commands.addCommand(CommandIDs.load, {
    describedBy: NO_ARGUMENTS,
    label: trans.__('Insert Cell That Loads etiq_jupyter'),
    caption: trans.__('Put %1 into the notebook; you run it', LOAD_CELL),
    isEnabled: () => takesCode(widget()),
    execute: () => insert(LOAD_CELL)
  });
  commands.addCommand(CommandIDs.logIn, {
    describedBy: NO_ARGUMENTS,
    label: () =>
      session()?.status?.user
        ? trans.__('Switch Account: Insert Login Cell')
        : trans.__('Log In: Insert Login Cell'),
    caption: trans.__('Put %1 into the notebook; you run it', LOGIN_CELL),
    isEnabled: () => takesCode(widget()) && session() !== null,
    execute: () => insert(LOGIN_CELL)
  });
  commands.addCommand(CommandIDs.logOut, {
    describedBy: NO_ARGUMENTS,
    label: trans.__('Log Out'),
    caption: trans.__('The kernel forgets the token; what is unsent stays on its disk'),
    isEnabled: () => Boolean(session()?.status?.user),
    execute: () => attempt(session()?.logOut())
  });
  commands.addCommand(CommandIDs.sendNow, {
    describedBy: NO_ARGUMENTS,
    label: trans.__('Send Waiting Snapshots Now'),
    isEnabled: () => (session()?.status?.sync.pending ?? 0) > 0,
    execute: () => attempt(session()?.sendNow())
  });
  commands.addCommand(CommandIDs.retry, {
    describedBy: NO_ARGUMENTS,
    label: trans.__('Ask the Kernel Again'),
    isEnabled: () => sessions.place.kind === 'session',
    execute: () =>
      sessions.place.kind === 'session' ? sessions.place.session.refresh() : undefined
  });
  commands.addCommand(CommandIDs.openDashboard, {
    describedBy: NO_ARGUMENTS,
    label: trans.__('Open the Dashboard'),
    isEnabled: () => dashboardOf(session()) !== null,
    execute: () => {
      window.open(dashboardOf(session()) ?? '', '_blank', 'noopener');
    }
  });
  commands.addCommand(CommandIDs.keepCell, {
    describedBy: NO_ARGUMENTS,
    label: trans.__('Keep This Cell: Add %%snapshot'),
    caption: trans.__('The next run of the active cell is kept as a snapshot'),
    isEnabled: () => takesCode(widget()),
    execute: () => keepActiveCell(widget())
  });
  commands.addCommand(CommandIDs.restore, {
    describedBy: OF_SNAPSHOT,
    label: trans.__('Insert Cell That Restores the Snapshot'),
    caption: trans.__('Bring its variables back into the kernel; you run the cell'),
    isVisible: args => snapshotOf(args) !== null,
    execute: args => insert(restoreCell(snapshotOf(args) ?? ''))
  });
  commands.addCommand(CommandIDs.copyId, {
    describedBy: OF_SNAPSHOT,
    label: trans.__('Copy Snapshot Id'),
    isVisible: args => snapshotOf(args) !== null,
    execute: args => Clipboard.copyToSystem(snapshotOf(args) ?? '')
  });
  if (documents === null) {
    return;
  }
  commands.addCommand(CommandIDs.openSnapshot, {
    describedBy: OF_SNAPSHOT,
    label: trans.__('Open Snapshot…'),
    icon: args => (args['isPalette'] ? undefined : etiqIcon),
    isEnabled: () => session() !== null,
    execute: async args => {
      const snapshot = snapshotOf(args) ?? (await askForSnapshot(trans));
      if (snapshot) {
        documents.open({ kind: 'snapshot', snapshot }, session()?.kernelId);
      }
    }
  });
  commands.addCommand(CommandIDs.openPipelines, {
    describedBy: NO_ARGUMENTS,
    label: trans.__('Open Pipelines of the Project'),
    isEnabled: () => Boolean(session()?.status?.project),
    execute: () => {
      const status = session()?.status;
      if (status) {
        const title = trans.__('Pipelines of %1', status.project_name);
        documents.open({ kind: 'pipelines', project: status.project, title }, session()?.kernelId);
      }
    }
  });
}

/** Put code into the notebook or console at hand and show it; its user runs it. */
export function insertHere(app: JupyterFrontEnd, sessions: IEtiqSessions, code: string): void {
  const { place } = sessions;
  const target = place.kind === 'no_notebook' ? null : place.widget;
  if (takesCode(target)) {
    app.shell.activateById(target.id);
    insertCode(target, code);
  } else {
    Notification.info(
      `No notebook is open to put ${code.split('\n')[0]} in. Open one and try again.`
    );
  }
}

async function askForSnapshot(trans: TranslationBundle): Promise<string | null> {
  const answer = await InputDialog.getText({
    title: trans.__('Open snapshot'),
    label: trans.__('Its id'),
    placeholder: 'SNP-42'
  });
  return answer.button.accept ? (answer.value?.trim() ?? null) : null;
}

/** The address of the session's dashboard; only ever a web address, never a script. */
export function dashboardOf(session: IEtiqSession | null): string | null {
  const address = session?.status?.dashboard ?? '';
  return /^https?:\/\//i.test(address) ? address : null;
}

/** Say what went wrong where there is no place of its own for it. */
export async function attempt(work: Promise<unknown> | undefined): Promise<void> {
  try {
    await work;
  } catch (error) {
    const { what, why, hint } = asProblem(error);
    Notification.error([what + (why && ` (${why})`), hint].filter(Boolean).join('. '));
  }
}
