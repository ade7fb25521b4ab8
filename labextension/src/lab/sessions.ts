import type { Kernel } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

import { ControlRpc } from './rpc';
import { EtiqSession } from './session';
import type { IEtiqSessions, IKernelContext, INamedSession, Place } from './tokens';

/** The part of a JupyterLab or Notebook shell that is followed. */
export interface IFollowedShell {
  readonly currentWidget: Widget | null;
  readonly currentChanged?: ISignal<unknown, unknown>;
  widgets(area?: string): Iterable<Widget>;
}

export interface IKernelSessionsOptions {
  shell: IFollowedShell;
  /** Language of a kernel by the name of its specification; empty when it is not known. */
  language(kernelName: string): string;
}

/** Follows the notebook or console in front, and keeps a session for every kernel in the page. */
export class KernelSessions implements IEtiqSessions, IDisposable {
  constructor({ shell, language }: IKernelSessionsOptions) {
    this._shell = shell;
    this._language = language;
    shell.currentChanged?.connect(this._follow, this);
    this._follow();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  get changed(): ISignal<IEtiqSessions, void> {
    return this._changed;
  }

  get byKernel(): ReadonlyMap<string, EtiqSession> {
    return this._sessions;
  }

  get place(): Place {
    const chosen = this._chosen === null ? undefined : this._sessions.get(this._chosen);
    if (chosen !== undefined) {
      return { kind: 'session', ...this._named(chosen) };
    }
    if (this._at === null) {
      return { kind: 'no_notebook' };
    }
    const context = contextOf(this._at);
    const kernel = context?.session?.kernel;
    const session = kernel ? this._sessions.get(kernel.id) : undefined;
    if (session === undefined) {
      // An initialising notebook will have a kernel in a moment, or a person is asked for one.
      const starting = context !== null && (!context.isReady || kernel != null);
      return { kind: 'no_kernel', name: this._at.title.label, widget: this._at, starting };
    }
    return { kind: 'session', name: this._at.title.label, widget: this._at, session };
  }

  get choices(): readonly INamedSession[] {
    return [...this._sessions.values()]
      .filter(session => session.state.kind === 'ready')
      .map(session => this._named(session))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  choose(kernelId: string): void {
    this._chosen = this._sessions.has(kernelId) ? kernelId : null;
    this._changed.emit();
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._shell.currentChanged?.disconnect(this._follow, this);
    this._sessions.forEach(session => session.dispose());
    this._sessions.clear();
    Signal.clearData(this);
  }

  private _follow(): void {
    for (const widget of this._shell.widgets('main')) {
      this._watch(widget);
    }
    const current = this._shell.currentWidget;
    if (current !== null && contextOf(current) !== null && current !== this._at) {
      this._watch(current);
      this._at = current;
      this._chosen = null;
    }
    // A tab without a kernel, for example a snapshot of ours, leaves the notebook at hand; after a
    // reload, which brings such a tab back to the front, that is the first one.
    this._at ??= this._watched.values().next().value ?? null;
    this._changed.emit();
  }

  private _watch(widget: Widget): void {
    const context = contextOf(widget);
    if (context === null || this._watched.has(widget)) {
      return;
    }
    this._watched.add(widget);
    const onKernel = (): void => {
      this._adopt(context.session?.kernel ?? null);
      this._changed.emit();
    };
    context.kernelChanged.connect(onKernel);
    // Whether a kernel is on its way shows only here; nothing is sent because of it.
    context.statusChanged.connect(() => this._at === widget && this._changed.emit());
    widget.title.changed.connect(() => this._changed.emit());
    widget.disposed.connect(() => {
      this._watched.delete(widget);
      this._at = this._at === widget ? null : this._at;
      this._adoptAll();
      this._follow();
    });
    onKernel();
  }

  private _adoptAll(): void {
    this._watched.forEach(widget => this._adopt(contextOf(widget)?.session?.kernel ?? null));
  }

  private _adopt(kernel: Kernel.IKernelConnection | null): void {
    if (kernel === null || kernel.isDisposed || this._sessions.has(kernel.id)) {
      return;
    }
    const session = new EtiqSession({
      kernel,
      rpc: new ControlRpc(kernel),
      language: this._language(kernel.name).toLowerCase()
    });
    this._sessions.set(kernel.id, session);
    session.changed.connect(() => this._changed.emit());
    kernel.disposed.connect(() => {
      this._sessions.delete(session.kernelId);
      session.dispose();
      this._chosen = this._chosen === session.kernelId ? null : this._chosen;
      // Another tab may have a connection of its own to the same kernel.
      this._adoptAll();
      this._changed.emit();
    });
  }

  private _named(session: EtiqSession): INamedSession {
    const isUser = (widget: Widget): boolean =>
      contextOf(widget)?.session?.kernel?.id === session.kernelId;
    const widget = [...this._watched].find(isUser) ?? null;
    return { name: widget?.title.label ?? 'kernel', widget, session };
  }

  private readonly _shell: IFollowedShell;
  private readonly _language: (kernelName: string) => string;
  private readonly _sessions = new Map<string, EtiqSession>();
  private readonly _watched = new Set<Widget>();
  private _at: Widget | null = null;
  private _chosen: string | null = null;
  private _isDisposed = false;
  private readonly _changed = new Signal<IEtiqSessions, void>(this);
}

/** The kernel context of a widget, told by its form: no class of notebook or console is needed. */
export function contextOf(widget: Widget): IKernelContext | null {
  const context = (widget as { sessionContext?: Partial<IKernelContext> }).sessionContext;
  return context?.kernelChanged === undefined ? null : (context as IKernelContext);
}
