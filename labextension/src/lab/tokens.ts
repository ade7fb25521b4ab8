import type { Kernel } from '@jupyterlab/services';
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

import type { IEtiqSession } from './session';

/** Where the user is: what the sidebar shows follows from it. */
export type Place =
  /** Nothing with a kernel is open. */
  | { readonly kind: 'no_notebook' }
  /** A notebook or console is at hand, and its kernel is not there (yet). */
  | {
      readonly kind: 'no_kernel';
      readonly name: string;
      readonly widget: Widget;
      readonly starting: boolean;
    }
  | ({ readonly kind: 'session' } & INamedSession);

export interface INamedSession {
  /** The notebook or console, as its tab is called. */
  readonly name: string;
  /** The notebook or console; null when it was closed a moment ago. */
  readonly widget: Widget | null;
  readonly session: IEtiqSession;
}

/** The sessions in the kernels of this page, by kernel, and the one at hand. */
export interface IEtiqSessions {
  readonly place: Place;
  readonly byKernel: ReadonlyMap<string, IEtiqSession>;
  /** Those that can be shown, by name. */
  readonly choices: readonly INamedSession[];
  /** Which is at hand, or its state, has changed. */
  readonly changed: ISignal<IEtiqSessions, void>;
  /** Show this kernel's session until another notebook or console comes to the front. */
  choose(kernelId: string): void;
}

export const IEtiqSessions = new Token<IEtiqSessions>(
  'etiq_jupyter:IEtiqSessions',
  'The etiq sessions of the kernels in this page, and the one of the current notebook or console.'
);

/** Opens what is worth a tab of its own in the main area. */
export interface IEtiqDocuments {
  open(document: EtiqDocument, kernelId?: string): void;
}

export const IEtiqDocuments = new Token<IEtiqDocuments>(
  'etiq_jupyter:IEtiqDocuments',
  'Opens snapshots, comparisons and pipelines as tabs of the main area.'
);

export type EtiqDocument =
  | { readonly kind: 'snapshot'; readonly snapshot: string; readonly title?: string }
  | { readonly kind: 'compare'; readonly a: string; readonly b: string; readonly title?: string }
  | { readonly kind: 'pipelines'; readonly project: string; readonly title?: string };

/** What a widget that works with a kernel has; notebooks and consoles do. */
export interface IKernelContext {
  readonly session: { readonly kernel: Kernel.IKernelConnection | null } | null;
  readonly name: string;
  readonly isReady: boolean;
  readonly isDisposed: boolean;
  readonly hasNoKernel?: boolean;
  readonly kernelDisplayStatus?: string;
  readonly kernelChanged: ISignal<unknown, unknown>;
  readonly statusChanged: ISignal<unknown, unknown>;
  readonly disposed: ISignal<unknown, void>;
}
