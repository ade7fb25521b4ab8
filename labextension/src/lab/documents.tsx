import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { useMemo } from 'react';

import { CompareView } from '../ui/CompareView';
import { UiProvider } from '../ui/context';
import { snapshotAddress } from '../ui/naming';
import { EmptyState } from '../ui/notices';
import { PipelineGraph } from '../ui/PipelineGraph';
import type { Navigation } from '../ui/props';
import { SnapshotView } from '../ui/SnapshotView';
import { blankOf } from './blank';
import { CommandIDs } from './commands';
import { useSignal } from './hooks';
import { etiqIcon } from './icon';
import type { IEtiqSession } from './session';
import { openTarget } from './sidebar';
import type { EtiqDocument, IEtiqDocuments, IEtiqSessions } from './tokens';

interface IDocumentProps {
  document: EtiqDocument;
  /** The kernel through which it was opened; when that is gone, the one at hand takes over. */
  kernelId: string;
  sessions: IEtiqSessions;
  documents: IEtiqDocuments;
  onRestore(snapshot: string): void;
  onClose(): void;
}

function DocumentView(props: IDocumentProps): JSX.Element {
  const { sessions, documents } = props;
  useSignal(sessions.changed);
  const session = sessionFor(sessions, props.kernelId);
  const navigation = useMemo<Navigation>(
    () => ({ open: target => session && openTarget(target, documents, session) }),
    [documents, session]
  );
  if (session === null) {
    const reason = blankOf(sessions.place);
    return (
      <EmptyState
        title="This is read through the kernel of a notebook."
        hint={`${reason?.title ?? ''} It shows again when a notebook has loaded etiq_jupyter.`}
      />
    );
  }
  return (
    <UiProvider backend={session.backend} navigation={navigation}>
      <Content key={session.kernelId} {...props} />
    </UiProvider>
  );
}

function Content({ document, onRestore, onClose }: IDocumentProps): JSX.Element {
  switch (document.kind) {
    case 'snapshot':
      return (
        <SnapshotView
          snapshot={document.snapshot}
          onDeleted={onClose}
          actions={[
            {
              id: 'restore',
              label: 'Restore',
              title: 'Insert the cell that brings its variables back into the notebook',
              run: snapshot => onRestore(snapshotAddress(snapshot))
            }
          ]}
        />
      );
    case 'compare':
      return <CompareView a={document.a} b={document.b} />;
    case 'pipelines':
      return <PipelineGraph project={document.project} />;
  }
}

/** The session of a kernel if it can be asked, else the one at hand. */
function sessionFor(sessions: IEtiqSessions, kernelId: string): IEtiqSession | null {
  const own = sessions.byKernel.get(kernelId);
  if (own?.status) {
    return own;
  }
  const { place } = sessions;
  return place.kind === 'session' && place.session.status !== null ? place.session : null;
}

class DocumentWidget extends ReactWidget {
  constructor(props: IDocumentProps) {
    super();
    this._props = props;
    this.addClass('etiq');
    this.addClass('etiq-lab-document');
  }

  protected render(): JSX.Element {
    return <DocumentView {...this._props} />;
  }

  private readonly _props: IDocumentProps;
}

type Tab = MainAreaWidget<DocumentWidget>;

/** Tabs of the main area; opening the same thing again brings its tab to the front. */
export class EtiqDocuments implements IEtiqDocuments {
  constructor(app: JupyterFrontEnd, sessions: IEtiqSessions) {
    this._app = app;
    this._sessions = sessions;
    app.commands.addCommand(CommandIDs.openDocument, {
      label: 'Open in a Tab',
      isVisible: () => false,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            kind: { type: 'string', enum: ['snapshot', 'compare', 'pipelines'] },
            snapshot: { type: 'string' },
            a: { type: 'string' },
            b: { type: 'string' },
            project: { type: 'string' },
            title: { type: 'string' },
            kernel: { type: 'string', description: 'Id of the kernel that is asked.' }
          },
          required: ['kind']
        }
      },
      execute: args => {
        const document = readDocument(args);
        if (document !== null) {
          this.open(document, String(args['kernel'] ?? ''));
        }
      }
    });
  }

  /** Bring the tabs back after the page was loaded again. */
  restore(restorer: ILayoutRestorer): void {
    void restorer.restore(this._tracker, {
      command: CommandIDs.openDocument,
      args: tab => this._args.get(tab) ?? {},
      name: tab => tab.id
    });
  }

  open(document: EtiqDocument, kernelId = ''): void {
    const id = tabId(document);
    let tab = this._tracker.find(each => each.id === id);
    if (tab === undefined) {
      tab = this._make(id, document, kernelId);
      this._app.shell.add(tab, 'main', { mode: 'tab-after' });
    }
    this._app.shell.activateById(tab.id);
  }

  private _make(id: string, document: EtiqDocument, kernelId: string): Tab {
    const content = new DocumentWidget({
      document,
      kernelId,
      sessions: this._sessions,
      documents: this,
      onRestore: snapshot => void this._app.commands.execute(CommandIDs.restore, { snapshot }),
      onClose: () => tab.dispose()
    });
    const tab: Tab = new MainAreaWidget({ content });
    tab.toolbar.hide();
    tab.id = id;
    tab.title.label = document.title ?? defaultTitle(document);
    tab.title.icon = etiqIcon;
    tab.title.closable = true;
    this._args.set(tab, { ...document, kernel: kernelId });
    void this._tracker.add(tab);
    return tab;
  }

  private readonly _app: JupyterFrontEnd;
  private readonly _sessions: IEtiqSessions;
  private readonly _tracker = new WidgetTracker<Tab>({ namespace: 'etiq' });
  private readonly _args = new WeakMap<Tab, ReadonlyPartialJSONObject>();
}

function tabId(document: EtiqDocument): string {
  switch (document.kind) {
    case 'snapshot':
      return `etiq-snapshot-${document.snapshot}`;
    case 'compare':
      return `etiq-compare-${document.a}-${document.b}`;
    case 'pipelines':
      return `etiq-pipelines-${document.project}`;
  }
}

function defaultTitle(document: EtiqDocument): string {
  switch (document.kind) {
    case 'snapshot':
      return document.snapshot;
    case 'compare':
      return `${document.a} and ${document.b}`;
    case 'pipelines':
      return 'Pipelines';
  }
}

/** Arguments of the command as a document; null when they are not one. */
export function readDocument(args: ReadonlyPartialJSONObject): EtiqDocument | null {
  const text = (name: string): string | null => {
    const value = args[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const title = text('title') ?? undefined;
  const [snapshot, a, b, project] = ['snapshot', 'a', 'b', 'project'].map(text);
  if (args['kind'] === 'snapshot' && snapshot) {
    return { kind: 'snapshot', snapshot, title };
  }
  if (args['kind'] === 'compare' && a && b) {
    return { kind: 'compare', a, b, title };
  }
  if (args['kind'] === 'pipelines' && project) {
    return { kind: 'pipelines', project, title };
  }
  return null;
}
