import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ControlRpc } from '../../src/lab/rpc';
import { EtiqSession } from '../../src/lab/session';
import { status } from '../nouns';
import { settle, TestKernel } from './kernel';

function sessionOf(kernel: TestKernel, language = 'python'): EtiqSession {
  return new EtiqSession({
    kernel: kernel.connection,
    rpc: new ControlRpc(kernel.connection),
    language
  });
}

describe('the session of a kernel', () => {
  let kernel: TestKernel;

  beforeEach(() => {
    vi.useFakeTimers();
    kernel = new TestKernel();
  });
  afterEach(() => vi.useRealTimers());

  it('is found in a kernel that had loaded the extension, also while a cell runs', async () => {
    kernel.status = 'busy';
    kernel.answerWith(status({ project_name: 'Churn' }));
    const session = sessionOf(kernel);
    expect(session.state.kind).toBe('looking');
    await settle();
    expect(session.status?.project_name).toBe('Churn');
  });

  it('sends no request of ours to a kernel without the extension', async () => {
    kernel.answerWith(null);
    const session = sessionOf(kernel);
    await settle();
    expect(session.state.kind).toBe('not_loaded');
    expect(kernel.methods()).toEqual([]);
  });

  it('is there as soon as the extension is loaded', async () => {
    kernel.answerWith(null);
    const session = sessionOf(kernel);
    await settle();
    kernel.load(status({ state: 'local', user: '' }));
    expect(session.status?.state).toBe('local');
  });

  it('sends nothing at all to a kernel of another language', async () => {
    const session = sessionOf(kernel, 'r');
    await session.refresh();
    expect(session.state).toEqual({ kind: 'not_python', language: 'r' });
    expect(kernel.sent).toEqual([]);
  });

  it('waits for the connection instead of queueing requests', async () => {
    kernel.connectionStatus = 'connecting';
    kernel.answerWith(status());
    const session = sessionOf(kernel);
    await settle();
    expect(session.state.kind).toBe('disconnected');
    expect(kernel.sent).toEqual([]);
    kernel.connect('connected');
    await settle();
    expect(session.state.kind).toBe('ready');
  });

  it('says when the kernel does not answer, and asks again when it is idle', async () => {
    const session = sessionOf(kernel);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(session.state.kind).toBe('no_answer');
    kernel.answerWith(status());
    kernel.set('idle');
    await settle();
    expect(session.state.kind).toBe('ready');
  });

  it('is gone after a restart, until the extension is loaded again', async () => {
    kernel.answerWith(status());
    const session = sessionOf(kernel);
    await settle();
    kernel.set('restarting');
    expect(session.state.kind).toBe('restarting');
    kernel.answerWith(null);
    kernel.connect('connecting');
    kernel.connect('connected');
    await settle();
    expect(session.state.kind).toBe('not_loaded');
    kernel.load(status({ state: 'local' }));
    expect(session.status?.state).toBe('local');
  });

  it('drops an answer to an earlier life of the kernel', async () => {
    kernel.onSend = sent => sent.type === 'comm_info_request' && sent.reply({ comms: { c: {} } });
    const session = sessionOf(kernel);
    await settle();
    const late = kernel.sent.at(-1);
    expect(late?.content.method).toBe('status');
    kernel.set('autorestarting');
    late?.reply({ v: 1, status: 'ok', result: status() });
    await settle();
    expect(session.state.kind).toBe('restarting');
  });

  it('lets a pushed state win over a reply that was under way', async () => {
    kernel.onSend = sent => sent.type === 'comm_info_request' && sent.reply({ comms: { c: {} } });
    const session = sessionOf(kernel);
    await settle();
    kernel.load(status({ state: 'connected' }));
    kernel.sent.at(-1)?.reply({ v: 1, status: 'ok', result: status({ state: 'connecting' }) });
    await settle();
    expect(session.status?.state).toBe('connected');
  });

  it('counts what is sent from the beginning of the present batch', async () => {
    kernel.answerWith(status({}, { sent: 10 }));
    const session = sessionOf(kernel);
    await settle();
    const shown = (): number[] => [
      session.status?.sync.sent ?? -1,
      session.status?.sync.pending ?? -1
    ];
    kernel.push(status({ state: 'sending' }, { sent: 10, pending: 7 }));
    expect(shown()).toEqual([0, 7]);
    kernel.push(status({ state: 'sending' }, { sent: 12, pending: 5 }));
    expect(shown()).toEqual([2, 5]);
    kernel.push(status({}, { sent: 17, pending: 0 }));
    kernel.push(status({ state: 'sending' }, { sent: 17, pending: 1 }));
    expect(shown()).toEqual([0, 1]);
  });

  it('makes a project and makes it the current one', async () => {
    const calls: unknown[] = [];
    kernel.answerWith(status(), (method, params) => {
      calls.push([method, params]);
      return method === 'send'
        ? { id: 'p9', name: 'New' }
        : status({ project: 'p9', project_name: 'New' });
    });
    const session = sessionOf(kernel);
    await settle();
    await session.createProject('New');
    expect(session.status?.project).toBe('p9');
    expect(calls).toEqual([
      [
        'send',
        { method: 'POST', path: '/projects/open', body: { name: 'New', create_if_missing: true } }
      ],
      ['select_project', { project: 'p9', create: false }]
    ]);
  });

  it('is silent after its end', async () => {
    kernel.answerWith(status());
    const session = sessionOf(kernel);
    await settle();
    const changed = vi.fn();
    session.changed.connect(changed);
    session.dispose();
    kernel.push(status({ state: 'expired' }));
    kernel.set('restarting');
    expect(changed).not.toHaveBeenCalled();
  });

  it('turns changes of the state into hints for what is shown', async () => {
    kernel.answerWith(status());
    const session = sessionOf(kernel);
    await settle();
    const kinds: string[] = [];
    session.backend.events(event => kinds.push(event.kind));
    kernel.push(status({}, { pending: 1 }));
    kernel.push(status({ project: 'p2' }, { pending: 1 }));
    kernel.push(status({ project: 'p2', state: 'expired' }, { pending: 1 }));
    kernel.push(status({ project: 'p2', state: 'connected' }, { sent: 1 }));
    expect(kinds.filter(kind => kind !== 'status')).toEqual([
      'snapshot',
      'project',
      'reconnected',
      'snapshot'
    ]);
  });
});
