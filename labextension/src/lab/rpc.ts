import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { Problem, type ProblemDocument, type Status } from '../api';

/** Version of the requests and replies; the kernel names its own in every answer. */
const VERSION = 1;
const STATE_TARGET = 'etiq.state';

/** The session in a kernel, asked from here. What carries the messages hides behind this. */
export interface IKernelRpc extends IDisposable {
  /** Whether the kernel has loaded etiq_jupyter. Rejects when it does not answer in time. */
  find(): Promise<boolean>;
  /** Ask; rejects with a {@link Problem}, or with an `AbortError` when nobody waits any more. */
  request<T>(method: string, params?: object, options?: IRequestOptions): Promise<T>;
  /** The kernel's session has a new state. A hint: it may be late or missing. */
  readonly pushed: ISignal<IKernelRpc, Status>;
  /** The kernel's session is gone: the extension was unloaded. */
  readonly closed: ISignal<IKernelRpc, void>;
}

export interface IRequestOptions {
  /** Milliseconds until the kernel counts as not answering. */
  timeout?: number;
  signal?: AbortSignal;
}

interface IReply {
  v: number;
  status: 'ok' | 'error';
  result?: unknown;
  error?: ProblemDocument;
}

/**
 * Requests over the control channel, which a kernel reads while a cell runs; state over a comm
 * that the kernel opens and that is never written to from here.
 */
export class ControlRpc implements IKernelRpc {
  constructor(kernel: Kernel.IKernelConnection) {
    this._kernel = kernel;
    // A kernel connection that shares its comms with another one leaves them to that one.
    if (kernel.handleComms) {
      kernel.registerCommTarget(STATE_TARGET, this._onOpen);
    }
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  get pushed(): ISignal<IKernelRpc, Status> {
    return this._pushed;
  }

  get closed(): ISignal<IKernelRpc, void> {
    return this._closed;
  }

  async find(): Promise<boolean> {
    // Asking for the list of comms is passive: a kernel without the extension logs no error. The
    // control channel takes the question too, so that a running cell does not delay the answer.
    const reply = await this._send<{ comms?: Record<string, unknown> }>('comm_info_request', {
      target_name: STATE_TARGET
    });
    const [id] = Object.keys(reply.comms ?? {});
    if (id === undefined) {
      return false;
    }
    if (this._kernel.handleComms && !this._kernel.hasComm(id)) {
      this._listen(this._kernel.createComm(STATE_TARGET, id));
    }
    return true;
  }

  async request<T>(method: string, params: object = {}, options: IRequestOptions = {}): Promise<T> {
    const reply = await this._send<IReply>('etiq_request', { v: VERSION, method, params }, options);
    if (reply.status === 'ok') {
      return reply.result as T;
    }
    throw new Problem(reply.error ?? {});
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    if (!this._kernel.isDisposed && this._kernel.handleComms) {
      this._kernel.removeCommTarget(STATE_TARGET, this._onOpen);
    }
    Signal.clearData(this);
  }

  private _onOpen = (comm: Kernel.IComm, message: KernelMessage.ICommOpenMsg): void => {
    this._listen(comm);
    this._onState(message.content.data);
  };

  private _listen(comm: Kernel.IComm): void {
    comm.onMsg = message => this._onState(message.content.data);
    comm.onClose = () => this._closed.emit();
  }

  private _onState(data: unknown): void {
    const status = (data as { status?: Status }).status;
    if (status !== undefined) {
      this._pushed.emit(status);
    }
  }

  private _send<T>(type: string, content: object, options: IRequestOptions = {}): Promise<T> {
    // After a reload beside a running cell JupyterLab holds messages back for the first 3 seconds.
    const { timeout = 10_000, signal } = options;
    if (signal?.aborted) {
      return Promise.reject(aborted());
    }
    if (this._isDisposed || this._kernel.isDisposed || this._kernel.status === 'dead') {
      return Promise.reject(gone());
    }
    // The type of message is our own, which the types of JupyterLab do not foresee.
    const message = {
      header: {
        msg_id: UUID.uuid4(),
        msg_type: type,
        date: new Date().toISOString(),
        session: this._kernel.clientId,
        username: this._kernel.username,
        version: '5.4'
      },
      parent_header: {},
      metadata: {},
      buffers: [],
      channel: 'control',
      content
    } as unknown as KernelMessage.IControlMessage;
    return new Promise<T>((resolve, reject) => {
      const future = this._kernel.sendControlMessage(message as never, true, true);
      const timer = setTimeout(() => end(() => reject(silent(timeout))), timeout);
      const onAbort = (): void => end(() => reject(aborted()));
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        settle();
        future.dispose();
      };
      signal?.addEventListener('abort', onAbort);
      future.onReply = reply => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        resolve((reply as { content: unknown }).content as T);
      };
      // Settled by a restart or the end of the kernel; after a reply this changes nothing.
      future.done.catch(() => end(() => reject(gone())));
    });
  }

  private readonly _kernel: Kernel.IKernelConnection;
  private _isDisposed = false;
  private readonly _pushed = new Signal<IKernelRpc, Status>(this);
  private readonly _closed = new Signal<IKernelRpc, void>(this);
}

function silent(timeout: number): Problem {
  return new Problem({
    code: 'no_answer',
    what: 'The kernel did not answer',
    why: `nothing came back within ${Math.round(timeout / 1000)} seconds`,
    hint: 'A long computation in compiled code can hold it up; try again in a moment'
  });
}

function gone(): Problem {
  return new Problem({
    code: 'kernel_gone',
    what: 'The kernel was restarted or has ended',
    hint: 'Load the extension again in the new kernel'
  });
}

function aborted(): DOMException {
  return new DOMException('Nobody waits for this answer any more', 'AbortError');
}
