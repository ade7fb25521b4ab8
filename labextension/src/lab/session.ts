import type { Kernel } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { asProblem, isAborted, type Problem, type Project, type Status } from '../api';
import { forgetAnswers } from '../ui/resource';
import { KernelBackend } from './kernelBackend';
import type { IKernelRpc } from './rpc';

/** What is known of the session in a kernel. */
export type SessionState =
  | { readonly kind: 'looking' }
  | { readonly kind: 'restarting' }
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'dead' }
  | { readonly kind: 'not_python'; readonly language: string }
  | { readonly kind: 'not_loaded' }
  | { readonly kind: 'no_answer'; readonly problem: Problem }
  | { readonly kind: 'ready'; readonly status: Status };

/** The session of one kernel, as seen from this page. */
export interface IEtiqSession {
  readonly kernelId: string;
  readonly state: SessionState;
  /** What the session last said; `sync.sent` counts from the beginning of the present batch. */
  readonly status: Status | null;
  readonly backend: KernelBackend;
  readonly changed: ISignal<IEtiqSession, void>;
  /** Ask the kernel anew. Never rejects: what goes wrong is the state. */
  refresh(): Promise<void>;
  selectProject(project: string, create?: boolean): Promise<Status>;
  /** Make a project, or open the one of that name, and make it the current one. */
  createProject(name: string): Promise<Project>;
  sendNow(): Promise<Status>;
  logOut(): Promise<Status>;
}

export interface ISessionOptions {
  kernel: Kernel.IKernelConnection;
  rpc: IKernelRpc;
  /** Language of the kernel, in lower case; empty when it is not known. */
  language: string;
}

export class EtiqSession implements IEtiqSession, IDisposable {
  readonly backend: KernelBackend;

  constructor({ kernel, rpc, language }: ISessionOptions) {
    this._kernel = kernel;
    this._rpc = rpc;
    this.backend = new KernelBackend(rpc);
    if (language !== '' && language !== 'python') {
      this._state = { kind: 'not_python', language };
      return;
    }
    rpc.pushed.connect(this._onPushed, this);
    rpc.closed.connect(this._onClosed, this);
    kernel.statusChanged.connect(this._onKernelStatus, this);
    kernel.connectionStatusChanged.connect(this._onConnection, this);
    void this.refresh();
  }

  get kernelId(): string {
    return this._kernel.id;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  get state(): SessionState {
    return this._state;
  }

  get status(): Status | null {
    return this._state.kind === 'ready' ? this._state.status : null;
  }

  get changed(): ISignal<IEtiqSession, void> {
    return this._changed;
  }

  async refresh(): Promise<void> {
    if (this._isDisposed || this._state.kind === 'not_python') {
      return;
    }
    if (this._kernel.status === 'dead') {
      this._set({ kind: 'dead' });
      return;
    }
    if (this._kernel.connectionStatus !== 'connected') {
      // What is sent now would wait in a queue; the connection says when it is there.
      this._set({ kind: 'disconnected' });
      return;
    }
    const { _life: life, _pushes: pushes } = this;
    if (this._state.kind !== 'ready') {
      this._set({ kind: 'looking' });
    }
    try {
      const loaded = await this._rpc.find();
      if (life !== this._life) {
        return;
      }
      if (!loaded) {
        this._set({ kind: 'not_loaded' });
        return;
      }
      const status = await this._rpc.request<Status>('status');
      if (life === this._life) {
        this._acceptReply(status, pushes);
      }
    } catch (error) {
      if (life === this._life && !isAborted(error)) {
        this._set({ kind: 'no_answer', problem: asProblem(error) });
      }
    }
  }

  async selectProject(project: string, create = false): Promise<Status> {
    return this._act('select_project', { project, create });
  }

  async createProject(name: string): Promise<Project> {
    const project = await this.backend.send<Project>('POST', '/projects/open', {
      name,
      create_if_missing: true
    });
    await this.selectProject(project.id);
    return project;
  }

  async sendNow(): Promise<Status> {
    return this._act('sync_now');
  }

  async logOut(): Promise<Status> {
    return this._act('logout');
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._life += 1;
    this._rpc.dispose();
    forgetAnswers(this.backend);
    Signal.clearData(this);
  }

  private async _act(method: string, params: object = {}): Promise<Status> {
    const { _life: life, _pushes: pushes } = this;
    // Opening a project and telling the dashboard good-bye wait for the network.
    const status = await this._rpc.request<Status>(method, params, { timeout: 40_000 });
    if (life === this._life) {
      this._acceptReply(status, pushes);
    }
    return status;
  }

  private _onPushed(_: IKernelRpc, status: Status): void {
    this._pushes += 1;
    this._accept(status);
  }

  /** Every change is pushed, so a push that came while a reply was under way is not older than it. */
  private _acceptReply(status: Status, pushesBefore: number): void {
    if (pushesBefore === this._pushes || this.status === null) {
      this._accept(status);
    }
  }

  private _onClosed(): void {
    this._end({ kind: 'not_loaded' });
  }

  private _onKernelStatus(_: unknown, status: Kernel.Status): void {
    if (status === 'restarting' || status === 'autorestarting') {
      this._end({ kind: 'restarting' });
    } else if (status === 'dead') {
      this._end({ kind: 'dead' });
    } else if (status === 'idle' && this._state.kind === 'no_answer') {
      void this.refresh();
    }
  }

  private _onConnection(_: unknown, connection: Kernel.ConnectionStatus): void {
    if (connection === 'connected') {
      void this.refresh();
    } else if (this._state.kind === 'looking') {
      this._set({ kind: 'disconnected' });
    }
  }

  /** The kernel's session is gone: answers still under way belong to nobody. */
  private _end(state: SessionState): void {
    this._life += 1;
    this._latest = null;
    this._sentBefore = null;
    forgetAnswers(this.backend);
    this._set(state);
  }

  private _accept(status: Status): void {
    const before = this._latest;
    this._latest = status;
    if (before !== null && (before.user !== status.user || before.dashboard !== status.dashboard)) {
      forgetAnswers(this.backend);
    }
    this._set({ kind: 'ready', status: this._inBatch(status) });
    this.backend.onStatus(before, status);
  }

  /** The kernel counts what it sent in its life; people want to read "Sending 3 of 7". */
  private _inBatch(status: Status): Status {
    const { sync } = status;
    if (sync.pending === 0) {
      this._sentBefore = null;
    } else if (this._sentBefore === null || this._sentBefore > sync.sent) {
      this._sentBefore = sync.sent;
    }
    return { ...status, sync: { ...sync, sent: sync.sent - (this._sentBefore ?? sync.sent) } };
  }

  private _set(state: SessionState): void {
    if (this._isDisposed) {
      return;
    }
    this._state = state;
    this._changed.emit();
  }

  private readonly _kernel: Kernel.IKernelConnection;
  private readonly _rpc: IKernelRpc;
  private _state: SessionState = { kind: 'looking' };
  private _isDisposed = false;
  /** Counts the lives of the kernel: an answer to an earlier one is dropped. */
  private _life = 0;
  private _pushes = 0;
  private _latest: Status | null = null;
  private _sentBefore: number | null = null;
  private readonly _changed = new Signal<IEtiqSession, void>(this);
}
