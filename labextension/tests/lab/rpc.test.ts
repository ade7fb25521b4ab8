import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Problem } from '../../src/api';
import { ControlRpc } from '../../src/lab/rpc';
import { status } from '../nouns';
import { settle, TestKernel } from './kernel';

describe('requests over the control channel', () => {
  let kernel: TestKernel;
  let rpc: ControlRpc;

  beforeEach(() => {
    vi.useFakeTimers();
    kernel = new TestKernel();
    rpc = new ControlRpc(kernel.connection);
  });
  afterEach(() => vi.useRealTimers());

  it('carries version, method and parameters, and gives back the result', async () => {
    kernel.answerWith(status(), () => ({ total: 3 }));
    await expect(rpc.request('get', { path: '/projects' })).resolves.toEqual({ total: 3 });
    expect(kernel.sent[0]).toMatchObject({
      type: 'etiq_request',
      channel: 'control',
      content: { v: 1, method: 'get', params: { path: '/projects' } }
    });
  });

  it('rejects with what the kernel says went wrong', async () => {
    kernel.onSend = sent =>
      sent.reply({
        v: 1,
        status: 'error',
        error: { code: 'not_found', what: 'There is no project x', nearest: ['y'] }
      });
    const problem = await rpc.request('get').catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ code: 'not_found', nearest: ['y'] });
  });

  it('gives up after the time limit and lets go of the request', async () => {
    const asked = rpc.request('status', {}, { timeout: 10_000 }).catch((error: unknown) => error);
    vi.advanceTimersByTime(10_000);
    expect(await asked).toMatchObject({ code: 'no_answer' });
    expect(kernel.sent[0]?.disposed).toBe(true);
  });

  it('ends at once when nobody waits any more', async () => {
    const stop = new AbortController();
    const asked = rpc.request('get', {}, { signal: stop.signal }).catch((error: unknown) => error);
    stop.abort();
    expect(await asked).toMatchObject({ name: 'AbortError' });
    expect(await rpc.request('get', {}, { signal: stop.signal }).catch(e => e)).toMatchObject({
      name: 'AbortError'
    });
    expect(kernel.sent).toHaveLength(1);
  });

  it('ends when the kernel restarts under it, or is dead or gone before', async () => {
    const asked = rpc.request('status').catch((error: unknown) => error);
    kernel.set('restarting');
    expect(await asked).toMatchObject({ code: 'kernel_gone' });
    kernel.set('dead');
    await expect(rpc.request('status')).rejects.toMatchObject({ code: 'kernel_gone' });
    rpc.dispose();
    await expect(rpc.request('status')).rejects.toMatchObject({ code: 'kernel_gone' });
  });

  it('looks for the session without a message that a kernel could stumble over', async () => {
    kernel.answerWith(null);
    await expect(rpc.find()).resolves.toBe(false);
    expect(kernel.sent.map(sent => [sent.type, sent.channel])).toEqual([
      ['comm_info_request', 'control']
    ]);
  });

  it('hears the states of a session that it found, and of one that is loaded later', async () => {
    const heard: unknown[] = [];
    rpc.pushed.connect((_, now) => heard.push(now.project_name));
    kernel.answerWith(status());
    await expect(rpc.find()).resolves.toBe(true);
    kernel.push(status({ project_name: 'found' }));
    kernel.load(status({ project_name: 'loaded' }));
    kernel.push(status({ project_name: 'pushed' }));
    expect(heard).toEqual(['found', 'loaded', 'pushed']);
  });

  it('says when the session is unloaded', async () => {
    const closed = vi.fn();
    rpc.closed.connect(closed);
    kernel.load(status());
    kernel.unload();
    await settle();
    expect(closed).toHaveBeenCalledOnce();
  });
});
