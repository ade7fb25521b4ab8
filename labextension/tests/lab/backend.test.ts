import { describe, expect, it, vi } from 'vitest';

import { KernelBackend } from '../../src/lab/kernelBackend';
import { ControlRpc } from '../../src/lab/rpc';
import { VisibleBackend } from '../../src/lab/visibleBackend';
import { status } from '../nouns';
import { TestKernel } from './kernel';

function backendOf(kernel: TestKernel): KernelBackend {
  return new KernelBackend(new ControlRpc(kernel.connection));
}

describe('the backend over the bridge', () => {
  it('passes paths and queries on, without empty values', async () => {
    const kernel = new TestKernel();
    kernel.answerWith(status(), (_, params) => params);
    const backend = backendOf(kernel);
    const query = { q: '', limit: 5, cursor: null, sort: undefined, owned: 'mine' };
    await expect(backend.get('/projects', query)).resolves.toEqual({
      path: '/projects',
      query: { limit: 5, owned: 'mine' }
    });
    await expect(backend.send('DELETE', '/snapshots/SNP-1')).resolves.toEqual({
      method: 'DELETE',
      path: '/snapshots/SNP-1',
      body: null
    });
  });

  it('asks once for what two components ask at the same time', async () => {
    const kernel = new TestKernel();
    kernel.answerWith(status(), () => ({ total: 1 }));
    const backend = backendOf(kernel);
    const both = [backend.get('/projects/p1'), backend.get('/projects/p1')];
    expect(await Promise.all(both)).toEqual([{ total: 1 }, { total: 1 }]);
    expect(kernel.sent).toHaveLength(1);
    await backend.get('/projects/p1');
    expect(kernel.sent).toHaveLength(2);
  });

  it('gives items no addresses of their own and manages no tokens', () => {
    const { capabilities } = backendOf(new TestKernel());
    expect(capabilities).toMatchObject({ downloads: false, administer: false });
  });
});

describe('a panel that may be hidden', () => {
  it('hears of what it missed once, when it is shown again', () => {
    const kernel = new TestKernel();
    const backend = backendOf(kernel);
    const visible = new VisibleBackend(backend);
    const heard = vi.fn();
    const stop = visible.events(heard);
    const change = (pending: number): void =>
      backend.onStatus(status({}, { pending }), status({}, { pending: pending + 1 }));
    change(1);
    expect(heard.mock.calls.flat().map(event => event.kind)).toEqual(['status', 'snapshot']);
    heard.mockClear();
    visible.setVisible(false);
    change(2);
    change(3);
    expect(heard).not.toHaveBeenCalled();
    visible.setVisible(true);
    visible.setVisible(true);
    expect(heard.mock.calls).toEqual([[{ kind: 'reconnected' }]]);
    stop();
    change(4);
    expect(heard).toHaveBeenCalledOnce();
  });
});
