import { Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';
import { describe, expect, it } from 'vitest';

import { type IFollowedShell, KernelSessions } from '../../src/lab/sessions';
import { status } from '../nouns';
import { settle, TestKernel } from './kernel';

class Tab {
  readonly title: { label: string; changed: Signal<unknown, void> };
  readonly disposed = new Signal<this, void>(this);
  sessionContext?: {
    session: { kernel: unknown } | null;
    isReady: boolean;
    kernelChanged: Signal<unknown, void>;
    statusChanged: Signal<unknown, void>;
  };

  constructor(label: string, kernel?: TestKernel | null) {
    this.title = { label, changed: new Signal<unknown, void>(this) };
    if (kernel !== undefined) {
      this.sessionContext = {
        session: kernel && { kernel: kernel.connection },
        isReady: true,
        kernelChanged: new Signal<unknown, void>(this),
        statusChanged: new Signal<unknown, void>(this)
      };
    }
  }

  startKernel(kernel: TestKernel): void {
    if (this.sessionContext) {
      this.sessionContext.session = { kernel: kernel.connection };
      this.sessionContext.kernelChanged.emit();
    }
  }
}

class Shell {
  tabs: Tab[] = [];
  currentWidget: Widget | null = null;
  readonly currentChanged = new Signal<unknown, unknown>(this);

  widgets(): Iterable<Widget> {
    return this.tabs as unknown as Widget[];
  }

  focus(tab: Tab | null): void {
    if (tab !== null && !this.tabs.includes(tab)) {
      this.tabs.push(tab);
    }
    this.currentWidget = tab as unknown as Widget;
    this.currentChanged.emit(undefined);
  }

  close(tab: Tab): void {
    this.tabs = this.tabs.filter(each => each !== tab);
    this.currentWidget = null;
    tab.disposed.emit();
  }
}

function following(shell: Shell, language = 'python'): KernelSessions {
  return new KernelSessions({
    shell: shell as unknown as IFollowedShell,
    language: () => language
  });
}

function ready(id: string): TestKernel {
  const kernel = new TestKernel(id);
  kernel.answerWith(status({ project_name: id }));
  return kernel;
}

function shown(sessions: KernelSessions): string {
  const { place } = sessions;
  return place.kind === 'session' ? `${place.name}: ${place.session.kernelId}` : place.kind;
}

describe('the sessions of the page', () => {
  it('follow the notebook in front', async () => {
    const shell = new Shell();
    const sessions = following(shell);
    expect(shown(sessions)).toBe('no_notebook');
    const [a, b] = [new Tab('a.ipynb', ready('k1')), new Tab('b.ipynb', ready('k2'))];
    shell.focus(a);
    await settle();
    expect(shown(sessions)).toBe('a.ipynb: k1');
    shell.focus(b);
    expect(shown(sessions)).toBe('b.ipynb: k2');
    expect([...sessions.byKernel.keys()]).toEqual(['k1', 'k2']);
  });

  it('stay with the notebook while a tab without a kernel, or nothing, is in front', async () => {
    const shell = new Shell();
    const sessions = following(shell);
    shell.focus(new Tab('a.ipynb', ready('k1')));
    shell.focus(new Tab('SNP-42'));
    shell.focus(null);
    await settle();
    expect(shown(sessions)).toBe('a.ipynb: k1');
  });

  it('offer the kernels that have a session, until another notebook comes to the front', async () => {
    const shell = new Shell();
    const sessions = following(shell);
    const without = new TestKernel('k3');
    without.answerWith(null);
    const [a, b] = [new Tab('a.ipynb', ready('k1')), new Tab('b.ipynb', ready('k2'))];
    shell.focus(b);
    shell.focus(a);
    shell.focus(new Tab('c.ipynb', without));
    await settle();
    expect(sessions.choices.map(choice => choice.name)).toEqual(['a.ipynb', 'b.ipynb']);
    sessions.choose('k2');
    expect(shown(sessions)).toBe('b.ipynb: k2');
    shell.focus(a);
    expect(shown(sessions)).toBe('a.ipynb: k1');
    sessions.choose('unknown');
    expect(shown(sessions)).toBe('a.ipynb: k1');
  });

  it('tell a notebook without a kernel from one whose kernel is about to start', async () => {
    const shell = new Shell();
    const sessions = following(shell);
    const tab = new Tab('a.ipynb', null);
    shell.focus(tab);
    expect(sessions.place).toMatchObject({ kind: 'no_kernel', starting: false });
    if (tab.sessionContext) {
      tab.sessionContext.isReady = false;
    }
    expect(sessions.place).toMatchObject({ kind: 'no_kernel', starting: true });
    tab.startKernel(ready('k1'));
    await settle();
    expect(shown(sessions)).toBe('a.ipynb: k1');
  });

  it('share one session between two tabs of one kernel, and outlive the closing of one', async () => {
    const shell = new Shell();
    const sessions = following(shell);
    const kernel = ready('k1');
    const [notebook, console] = [new Tab('a.ipynb', kernel), new Tab('Console 1', kernel)];
    shell.focus(notebook);
    shell.focus(console);
    await settle();
    expect(sessions.byKernel.size).toBe(1);
    shell.close(console);
    shell.focus(notebook);
    expect(shown(sessions)).toBe('a.ipynb: k1');
  });

  it('drop the session of a kernel that is gone', async () => {
    const shell = new Shell();
    const sessions = following(shell);
    const kernel = ready('k1');
    const tab = new Tab('a.ipynb', kernel);
    shell.focus(tab);
    await settle();
    const dropped = sessions.byKernel.get('k1');
    if (tab.sessionContext) {
      tab.sessionContext.session = null;
    }
    kernel.isDisposed = true;
    kernel.disposed.emit();
    expect(sessions.byKernel.size).toBe(0);
    expect(dropped?.isDisposed).toBe(true);
    expect(sessions.place.kind).toBe('no_kernel');
  });

  it('have nothing to show once the last notebook is closed', async () => {
    const shell = new Shell();
    const sessions = following(shell);
    const tab = new Tab('a.ipynb', ready('k1'));
    shell.focus(tab);
    await settle();
    shell.close(tab);
    expect(shown(sessions)).toBe('no_notebook');
  });
});
