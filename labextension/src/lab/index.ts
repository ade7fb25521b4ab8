import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import type { BlankAction } from './blank';
import { dragCode, LOAD_CELL, LOGIN_CELL } from './cells';
import type { Pins } from '../ui/pins';
import { addCommands, attempt, CommandIDs, insertHere, NO_ARGUMENTS } from './commands';
import { EtiqDocuments } from './documents';
import { etiqIcon } from './icon';
import { EtiqPanel } from './panel';
import { KernelSessions } from './sessions';
import { StatusItemWidget, statusOf } from './statusItem';
import { IEtiqDocuments, IEtiqSessions } from './tokens';

const SIDEBAR = 'etiq_jupyter:sidebar';
const PINNED = 'pinnedProjects';
/** Each is asked for by itself when the picker opens; the oldest pin makes room. */
const MOST_PINNED = 12;

/** The sessions in the kernels of the page, for the plugins below and for other extensions. */
const sessions: JupyterFrontEndPlugin<IEtiqSessions> = {
  id: 'etiq_jupyter:sessions',
  description: 'Follows the etiq session in the kernel of the current notebook or console.',
  autoStart: true,
  provides: IEtiqSessions,
  activate: (app: JupyterFrontEnd): IEtiqSessions => {
    const { kernelspecs } = app.serviceManager;
    return new KernelSessions({
      shell: app.shell,
      language: name => kernelspecs.specs?.kernelspecs[name]?.language ?? ''
    });
  }
};

const documents: JupyterFrontEndPlugin<IEtiqDocuments> = {
  id: 'etiq_jupyter:documents',
  description: 'Opens snapshots, comparisons and pipelines as tabs of the main area.',
  autoStart: true,
  requires: [IEtiqSessions],
  optional: [ILayoutRestorer],
  provides: IEtiqDocuments,
  activate: (
    app: JupyterFrontEnd,
    following: IEtiqSessions,
    restorer: ILayoutRestorer | null
  ): IEtiqDocuments => {
    const made = new EtiqDocuments(app, following);
    if (restorer !== null) {
      made.restore(restorer);
    }
    return made;
  }
};

const commands: JupyterFrontEndPlugin<void> = {
  id: 'etiq_jupyter:commands',
  description: 'Commands about the session at hand and its snapshots, in palette and menus.',
  autoStart: true,
  requires: [IEtiqSessions],
  optional: [IEtiqDocuments, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    following: IEtiqSessions,
    opener: IEtiqDocuments | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('etiq_jupyter');
    addCommands({ app, sessions: following, documents: opener, trans });
    following.changed.connect(() => app.commands.notifyCommandChanged());
    for (const command of [
      CommandIDs.load,
      CommandIDs.logIn,
      CommandIDs.logOut,
      CommandIDs.sendNow,
      CommandIDs.keepCell,
      CommandIDs.openSnapshot,
      CommandIDs.openPipelines,
      CommandIDs.openDashboard,
      CommandIDs.retry
    ]) {
      if (app.commands.hasCommand(command)) {
        palette?.addItem({ command, category: 'Etiq', args: { isPalette: true } });
      }
    }
  }
};

const sidebar: JupyterFrontEndPlugin<void> = {
  id: SIDEBAR,
  description: 'The sidebar: connection, project and snapshots of the current notebook.',
  autoStart: true,
  requires: [IEtiqSessions],
  optional: [IEtiqDocuments, ILayoutRestorer, ISettingRegistry, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    following: IEtiqSessions,
    opener: IEtiqDocuments | null,
    restorer: ILayoutRestorer | null,
    settings: ISettingRegistry | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('etiq_jupyter');
    const panel = new EtiqPanel({
      sessions: following,
      commands: app.commands,
      documents: opener,
      onAction: action => runAction(app, following, action),
      onInsert: code => insertHere(app, following, code),
      onDrag: (code, event) => dragCode(code, event, document),
      onSettings: () => void app.commands.execute('settingeditor:open', { query: 'Etiq' })
    });
    restorer?.add(panel, panel.id);
    app.shell.add(panel, 'left', { rank: 300 });
    app.commands.addCommand(CommandIDs.show, {
      describedBy: NO_ARGUMENTS,
      label: trans.__('Show Snapshots'),
      icon: args => (args['isPalette'] ? undefined : etiqIcon),
      execute: () => app.shell.activateById(panel.id)
    });
    app.commands.addCommand(CommandIDs.chooseProject, {
      describedBy: NO_ARGUMENTS,
      label: trans.__('Choose Project…'),
      isEnabled: () => statusOf(following) !== null,
      execute: () => {
        app.shell.activateById(panel.id);
        requestAnimationFrame(() => panel.pickProject());
      }
    });
    for (const command of [CommandIDs.show, CommandIDs.chooseProject]) {
      palette?.addItem({ command, category: 'Etiq', args: { isPalette: true } });
    }
    void settings?.load(SIDEBAR).then(loaded => {
      const apply = (): void => {
        panel.preview = loaded.composite['preview'] === 'tab' ? 'tab' : 'below';
        panel.pins = pinsOf(loaded);
      };
      loaded.changed.connect(apply);
      apply();
    });
  }
};

const statusBar: JupyterFrontEndPlugin<void> = {
  id: 'etiq_jupyter:status',
  description: 'The state of the session at hand, in the status bar.',
  autoStart: true,
  requires: [IEtiqSessions],
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, following: IEtiqSessions, bar: IStatusBar | null): void => {
    if (bar === null) {
      return;
    }
    const item = new StatusItemWidget({
      sessions: following,
      onClick: () => {
        if (app.commands.hasCommand(CommandIDs.show)) {
          void app.commands.execute(CommandIDs.show);
        }
      }
    });
    bar.registerStatusItem('etiq_jupyter:status', {
      item,
      align: 'left',
      rank: 5,
      isActive: () => statusOf(following) !== null,
      activeStateChanged: following.changed as never
    });
  }
};

/** The pinned projects: a setting, so that they are there in every browser. */
function pinsOf(settings: ISettingRegistry.ISettings): Pins {
  const ids = (settings.composite[PINNED] ?? []) as string[];
  return {
    ids,
    toggle: ({ id }) => {
      const others = ids.filter(each => each !== id);
      const next = others.length < ids.length ? others : [...ids, id].slice(-MOST_PINNED);
      void attempt(settings.set(PINNED, next));
    }
  };
}

/** What the button of a blank state does; cells are put in sight and run by their user. */
function runAction(app: JupyterFrontEnd, following: IEtiqSessions, action: BlankAction): void {
  const { place } = following;
  const front = (): void => {
    if (place.kind !== 'no_notebook' && place.widget !== null) {
      app.shell.activateById(place.widget.id);
    }
  };
  switch (action) {
    case 'new_notebook':
      void app.commands.execute('notebook:create-new');
      break;
    case 'choose_kernel':
      front();
      void app.commands.execute('kernelmenu:change');
      break;
    case 'restart_kernel':
      front();
      void app.commands.execute('kernelmenu:restart');
      break;
    case 'insert_load':
      insertHere(app, following, LOAD_CELL);
      break;
    case 'insert_login':
      insertHere(app, following, LOGIN_CELL);
      break;
    case 'choose_project':
      void app.commands.execute(CommandIDs.chooseProject);
      break;
    case 'retry':
      if (place.kind === 'session') {
        void place.session.refresh();
      }
  }
}

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  sessions,
  documents,
  commands,
  sidebar,
  statusBar
];

export default plugins;
export * from './tokens';
