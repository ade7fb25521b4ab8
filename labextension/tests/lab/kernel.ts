import type { Kernel } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import type { Status } from '../../src/api';

interface ISent {
  type: string;
  channel: string;
  content: { method?: string; params?: unknown; target_name?: string };
  reply(content: unknown): void;
  disposed: boolean;
}

/** A kernel connection that keeps what is sent and answers when the test says so. */
export class TestKernel {
  readonly id: string;
  readonly name = 'python3';
  readonly clientId = 'client';
  readonly username = '';
  handleComms = true;
  isDisposed = false;
  status: Kernel.Status = 'idle';
  connectionStatus: Kernel.ConnectionStatus = 'connected';
  readonly statusChanged = new Signal<this, Kernel.Status>(this);
  readonly connectionStatusChanged = new Signal<this, Kernel.ConnectionStatus>(this);
  readonly disposed = new Signal<this, void>(this);
  readonly sent: ISent[] = [];
  /** Answers at once, when given. */
  onSend: ((sent: ISent) => void) | null = null;
  private readonly _targets = new Map<string, (comm: unknown, message: unknown) => void>();
  private readonly _comms = new Map<
    string,
    { onMsg?: (m: unknown) => void; onClose?: () => void }
  >();
  private readonly _cancels = new Set<() => void>();

  constructor(id = 'kernel-1') {
    this.id = id;
  }

  get connection(): Kernel.IKernelConnection {
    return this as unknown as Kernel.IKernelConnection;
  }

  sendControlMessage(message: {
    header: { msg_type: string };
    channel: string;
    content: ISent['content'];
  }): unknown {
    let cancel: () => void = () => undefined;
    const done = new Promise<void>((_, reject) => {
      cancel = () => reject(new Error('Canceled future'));
    });
    done.catch(() => undefined);
    const future = {
      onReply: (message: unknown): void => void message,
      done,
      dispose: () => {
        sent.disposed = true;
        this._cancels.delete(cancel);
        cancel();
      }
    };
    const sent: ISent = {
      type: message.header.msg_type,
      channel: message.channel,
      content: message.content,
      reply: content => !sent.disposed && future.onReply({ content }),
      disposed: false
    };
    this._cancels.add(cancel);
    this.sent.push(sent);
    queueMicrotask(() => this.onSend?.(sent));
    return future;
  }

  registerCommTarget(name: string, callback: (comm: unknown, message: unknown) => void): void {
    this._targets.set(name, callback);
  }

  removeCommTarget(name: string): void {
    this._targets.delete(name);
  }

  hasComm(id: string): boolean {
    return this._comms.has(id);
  }

  createComm(_: string, id: string): unknown {
    const comm = {};
    this._comms.set(id, comm);
    return comm;
  }

  // --- what the test makes happen ---------------------------------------------------------------

  /** The extension is loaded in the kernel, which opens its comm. */
  load(status: Status): void {
    const comm = {};
    this._comms.set('comm-1', comm);
    this._targets.get('etiq.state')?.(comm, { content: { data: { v: 1, status } } });
  }

  push(status: Status): void {
    this._comms.get('comm-1')?.onMsg?.({ content: { data: { v: 1, sequence: 2, status } } });
  }

  unload(): void {
    this._comms.get('comm-1')?.onClose?.();
  }

  set(status: Kernel.Status): void {
    this.status = status;
    if (status === 'restarting') {
      // JupyterLab cancels what is under way and forgets the comms.
      this._cancels.forEach(cancel => cancel());
      this._comms.clear();
    }
    this.statusChanged.emit(status);
  }

  connect(status: Kernel.ConnectionStatus): void {
    this.connectionStatus = status;
    this.connectionStatusChanged.emit(status);
  }

  /** Answer like a kernel whose session has this state; null: the extension is not loaded. */
  answerWith(
    status: Status | null,
    more: (method: string, params: unknown) => unknown = () => ({})
  ): void {
    this.onSend = sent => {
      if (sent.type === 'comm_info_request') {
        sent.reply({ comms: status ? { 'comm-1': { target_name: 'etiq.state' } } : {} });
      } else if (status !== null) {
        const { method = '', params } = sent.content;
        const result = method === 'status' ? status : more(method, params);
        sent.reply({ v: 1, status: 'ok', result });
      }
    };
  }

  methods(): (string | undefined)[] {
    return this.sent.filter(sent => sent.type === 'etiq_request').map(sent => sent.content.method);
  }
}

/** Let promises that are already settled take their effect. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) {
    await Promise.resolve();
  }
}
