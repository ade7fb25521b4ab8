import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it } from 'vitest';

import { Problem, type DeviceRequest, type Me } from '../../src/api';
import { DevicePage } from '../../src/dashboard/DevicePage';
import { go } from '../../src/dashboard/router';
import { MemoryBackend, show } from '../memory';
import { minutesAgo } from '../nouns';

const me = { user: { id: 'u', username: 'ana', email: '', admin: false } } as Me;
const CODE = 'BCDF-GHJK';

function request(more: Partial<DeviceRequest> = {}): DeviceRequest {
  return {
    user_code: CODE,
    name: 'fit.ipynb on laptop',
    address: '10.0.0.7',
    created_at: minutesAgo(1),
    expires_at: minutesAgo(-9),
    ...more
  };
}

describe('the page that logs a notebook in', () => {
  beforeEach(() => go('/device', 'replace'));

  it('says who asks, and approves what was shown', async () => {
    const user = userEvent.setup();
    go(`/device?code=${CODE}`, 'replace');
    const backend = new MemoryBackend({ [`/device/codes/${CODE}`]: request() });
    const { opened } = show(backend, <DevicePage me={me} />);
    const asked = await screen.findByRole('region', { name: 'Who asks' });
    expect(asked.textContent).toContain(
      'fit.ipynb on laptop asks to be logged in as you, ana.CodeBCDF-GHJKFrom10.0.0.7Asked1 min ago'
    );
    expect(backend.sent).toEqual([]);
    await user.click(screen.getByRole('button', { name: 'Approve' }));
    const done = await screen.findByRole('status');
    expect(done.textContent).toContain('Approved. Go back to the notebook');
    expect(backend.sent).toEqual([
      { method: 'POST', path: '/device/approve', body: { user_code: CODE } }
    ]);
    await user.click(screen.getByText('access tokens'));
    expect(opened).toEqual([{ kind: 'tokens' }]);
  });

  it('denies', async () => {
    const user = userEvent.setup();
    go(`/device?code=${CODE}`, 'replace');
    const backend = new MemoryBackend({ [`/device/codes/${CODE}`]: request() });
    show(backend, <DevicePage me={me} />);
    await user.click(await screen.findByRole('button', { name: 'Deny' }));
    expect((await screen.findByRole('status')).textContent).toContain('Denied.');
    expect(backend.sent.map(sent => sent.path)).toEqual(['/device/deny']);
  });

  it('takes a typed code, and says when nobody waits under it', async () => {
    const user = userEvent.setup();
    const backend = new MemoryBackend({ [`/device/codes/${CODE}`]: request() });
    show(backend, <DevicePage me={me} />);
    const box = screen.getByLabelText(/^Code/);
    expect(document.activeElement).toBe(box);
    expect(screen.getByRole('button', { name: 'Continue' })).toHaveProperty('disabled', true);
    await user.type(box, ' wrng-code {Enter}');
    expect((await screen.findByRole('alert')).textContent).toContain('WRNG-CODE');
    await user.type(screen.getByLabelText(/^Code/), 'bcdf-ghjk{Enter}');
    await screen.findByRole('button', { name: 'Approve' });
    expect(location.search).toBe(`?code=${CODE}`);
  });

  it('shows names and codes as text, whatever they hold', async () => {
    const odd = '../tokens?x=<img src=x>';
    go(`/device?code=${encodeURIComponent(odd)}`, 'replace');
    const backend = new MemoryBackend({
      [`/device/codes/${encodeURIComponent(odd)}`]: request({
        name: '<img src=x onerror=alert(1)>'
      })
    });
    const { container } = show(backend, <DevicePage me={me} />);
    await screen.findByText('<img src=x onerror=alert(1)>');
    expect(container.querySelector('img')).toBeNull();
  });

  it('keeps the question when the answer does not arrive', async () => {
    const user = userEvent.setup();
    go(`/device?code=${CODE}`, 'replace');
    const backend = new MemoryBackend({ [`/device/codes/${CODE}`]: request() });
    backend.onSend = () => new Problem({ code: 'offline', what: 'cannot reach the dashboard' });
    show(backend, <DevicePage me={me} />);
    await user.click(await screen.findByRole('button', { name: 'Approve' }));
    expect((await screen.findByRole('alert')).textContent).toContain('Cannot reach');
    backend.onSend = () => undefined;
    await user.click(screen.getByRole('button', { name: 'Approve' }));
    await waitFor(() => expect(screen.getByRole('status').textContent).toContain('Approved.'));
  });
});
