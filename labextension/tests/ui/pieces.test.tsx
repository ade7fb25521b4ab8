import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';

import { Problem, type Status } from '../../src/api';
import {
  Confirm,
  EmptyState,
  ErrorNotice,
  IssuedTokenBox,
  LineChart,
  Menu,
  NewToken,
  PlaceLink,
  ProjectPicker,
  Sparkline,
  StatusLine,
  TokenTable,
  tokenConfig
} from '../../src/ui';
import { ticks } from '../../src/ui/charts';
import { MemoryBackend, show } from '../memory';
import { minutesAgo, page, project, status, token } from '../nouns';

const nobody = new MemoryBackend();

describe('the project picker', () => {
  const projects = page([project(1, { name: 'Churn model' }), project(2, { role: 'viewer' })]);

  it('searches, goes by arrows, picks by Enter and gives the focus back', async () => {
    const user = userEvent.setup();
    const onPick = vi.fn();
    const backend = new MemoryBackend({ '/projects': projects });
    show(backend, <ProjectPicker current="PRJ-1" currentName="Churn model" onPick={onPick} />);
    const button = screen.getByRole('button', { name: /Churn model/ });
    await user.click(button);
    const [first] = await screen.findAllByRole('option');
    expect(first?.getAttribute('aria-current')).toBe('true');
    expect(document.activeElement).toBe(screen.getByRole('combobox'));
    await user.keyboard('{ArrowDown}{Enter}');
    expect(onPick).toHaveBeenCalledWith(projects.items[1]);
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(document.activeElement).toBe(button);
  });

  it('narrows to mine and shared', async () => {
    const user = userEvent.setup();
    const backend = new MemoryBackend({ '/projects': projects });
    show(backend, <ProjectPicker current="" onPick={vi.fn()} />);
    await user.click(screen.getByRole('button', { name: /none chosen/ }));
    await user.click(screen.getByRole('button', { name: 'Shared with me' }));
    await waitFor(() => expect(backend.asked.at(-1)?.query.owned).toBe('shared'));
  });

  it('puts pinned projects first, also those that the list has not got', async () => {
    const user = userEvent.setup();
    const toggle = vi.fn();
    const backend = new MemoryBackend({
      '/projects': projects,
      '/projects/p7': project(7, { name: 'Long ago' })
    });
    const pins = { ids: ['p7', 'gone', 'p2'], toggle };
    show(backend, <ProjectPicker current="" onPick={vi.fn()} pins={pins} />);
    await user.click(screen.getByRole('button', { name: /none chosen/ }));
    const group = await screen.findByRole('group', { name: 'Pinned' });
    const names = (element: HTMLElement): (string | null)[] =>
      within(element)
        .getAllByRole('option')
        .map(option => option.querySelector('.etiq-picker-name')?.textContent ?? null);
    expect(names(group)).toEqual(['Long ago', 'Project 2']);
    expect(names(screen.getByRole('group', { name: 'Others' }))).toEqual(['Churn model']);
    await user.click(screen.getByRole('button', { name: 'Unpin Long ago' }));
    expect(toggle).toHaveBeenLastCalledWith(expect.objectContaining({ id: 'p7' }));
    screen.getByRole('combobox').focus();
    await user.keyboard('{End}{ArrowUp}');
    await user.click(screen.getByRole('button', { name: 'Pin Churn model' }));
    expect(toggle).toHaveBeenLastCalledWith(projects.items[0]);
    await user.type(screen.getByRole('combobox'), 'churn');
    await waitFor(() => expect(screen.queryByRole('group', { name: 'Pinned' })).toBeNull());
  });

  it('makes what does not exist, and says why when it cannot', async () => {
    const user = userEvent.setup();
    const backend = new MemoryBackend({ '/projects': page([]) });
    const made = project(9, { name: 'New one' });
    const onCreate = vi
      .fn<(name: string) => Promise<typeof made>>()
      .mockRejectedValueOnce(new Problem({ what: 'you are offline' }))
      .mockResolvedValueOnce(made);
    const onPick = vi.fn();
    show(backend, <ProjectPicker current="" onPick={onPick} onCreate={onCreate} />);
    await user.click(screen.getByRole('button', { name: /none chosen/ }));
    await user.type(screen.getByRole('combobox'), '  New one ');
    await user.click(await screen.findByRole('option', { name: 'Create New one' }));
    expect((await screen.findByRole('alert')).textContent).toContain('You are offline.');
    await user.click(screen.getByRole('option', { name: 'Create New one' }));
    await waitFor(() => expect(onPick).toHaveBeenCalledWith(made));
    expect(onCreate).toHaveBeenCalledWith('New one');
  });
});

describe('the status line', () => {
  const cases: [string, Status, RegExp][] = [
    ['all sent', status(), /Connected.*ana @ dashboard\.example\.org.*All sent\. Safe to close\./],
    [
      'local',
      status({ state: 'local', user: '' }, { local: 2 }),
      /Local.*2 snapshots kept on this disk\. Safe to close\./
    ],
    [
      'sending',
      status(
        { state: 'sending' },
        { pending: 4, sent: 2, pending_bytes: 12_400_000, oldest: minutesAgo(2) }
      ),
      /Sending 3 of 6.*4 waiting, 12\.4 MB, oldest 2 min/
    ],
    [
      'paused',
      status({ state: 'expired' }, { pending: 1, paused: 'log in again' }),
      /Expired.*1 waiting.*Log in again\./
    ],
    [
      'paused for a reason that the message has, too',
      status(
        { state: 'expired', message: 'The token is unknown.' },
        { pending: 1, paused: 'the token is unknown (it was deleted)' }
      ),
      /^(?!.*unknown.*unknown).*1 waiting, 0 B\. The token is unknown \(it was deleted\)\./
    ],
    ['refused', status({}, { parked: 1 }), /1 snapshot refused by the dashboard/]
  ];
  it.each(cases)('says when %s', (_, given, words) => {
    const { container } = show(nobody, <StatusLine status={given} />);
    expect(container.textContent).toMatch(words);
  });

  it('sends now', async () => {
    const user = userEvent.setup();
    const onSendNow = vi.fn();
    show(nobody, <StatusLine status={status({}, { pending: 3 })} onSendNow={onSendNow} />);
    await user.click(screen.getByRole('button', { name: 'Send now' }));
    expect(onSendNow).toHaveBeenCalled();
  });
});

describe('tokens', () => {
  it('are made by name, and not without one', async () => {
    const user = userEvent.setup();
    const issued = { token: token(1), secret: 'etq_x', dashboard_url: 'http://d' };
    const backend = new MemoryBackend();
    backend.onSend = () => issued;
    const onIssued = vi.fn();
    show(backend, <NewToken onIssued={onIssued} />);
    const add = screen.getByRole<HTMLButtonElement>('button', { name: 'Add' });
    expect(add.disabled).toBe(true);
    await user.type(screen.getByLabelText('Token name'), '  laptop {Enter}');
    await waitFor(() => expect(onIssued).toHaveBeenCalledWith(issued));
    expect(backend.sent[0]?.body).toEqual({
      name: 'laptop',
      scopes: ['read', 'write'],
      expires_at: null
    });
  });

  it('are shown once, to copy and to download', async () => {
    const user = userEvent.setup();
    const issued = { token: token(1), secret: 'etq_secret', dashboard_url: 'http://d:8765' };
    const onDone = vi.fn();
    show(nobody, <IssuedTokenBox issued={issued} onDone={onDone} />);
    expect(screen.getByText(/You can't view it again after you leave this page/)).toBeTruthy();
    expect(screen.getByLabelText<HTMLInputElement>('Access token').value).toBe('etq_secret');
    expect(screen.getByLabelText('Environment lines').textContent).toBe(
      'export ETIQ_DASHBOARD_URL=http://d:8765\nexport ETIQ_TOKEN=etq_secret'
    );
    expect(JSON.parse(tokenConfig(issued))).toEqual({
      host: 'http://d:8765',
      api_token: 'etq_secret'
    });
    await user.click(screen.getByRole('button', { name: 'Copy: access token' }));
    await waitFor(() =>
      expect(screen.getByRole('button', { name: 'Copy: access token' }).textContent).not.toBe(
        'Copy'
      )
    );
    await user.click(screen.getByRole('button', { name: /Done/ }));
    expect(onDone).toHaveBeenCalled();
  });

  it('are deleted after a question, by their name', async () => {
    const user = userEvent.setup();
    const backend = new MemoryBackend();
    const onDeleted = vi.fn();
    const tokens = [token(1), token(2, { last_used_at: minutesAgo(3) })];
    show(backend, <TokenTable tokens={tokens} onDeleted={onDeleted} onRotate={vi.fn()} />);
    const rows = screen.getAllByRole('row');
    expect(rows[1]?.textContent).toContain('never');
    expect(rows[2]?.textContent).toContain('3 min ago');
    expect(rows[1]?.textContent).toContain('…a1b2');
    await user.click(screen.getByRole('button', { name: 'Delete token 2' }));
    const dialog = screen.getByRole('dialog', { name: 'Delete token 2?' });
    await user.click(within(dialog).getByRole('button', { name: 'Delete' }));
    await waitFor(() => expect(onDeleted).toHaveBeenCalledWith(tokens[1]));
    expect(backend.sent).toEqual([{ method: 'DELETE', path: '/tokens/t2', body: undefined }]);
  });
});

describe('controls', () => {
  it('a menu goes by arrows and closes by Escape, focus on its button', async () => {
    const user = userEvent.setup();
    const run = vi.fn();
    const entries = [
      { id: 'a', label: 'First', run: vi.fn() },
      { id: 'b', label: 'Second', run }
    ];
    show(nobody, <Menu label="⋯" name="More" entries={entries} />);
    const button = screen.getByRole('button', { name: 'More' });
    await user.click(button);
    expect(document.activeElement?.textContent).toBe('First');
    await user.keyboard('{ArrowDown}{Enter}');
    expect(run).toHaveBeenCalled();
    await user.click(button);
    await user.keyboard('{Escape}');
    expect(screen.queryByRole('menu')).toBeNull();
    expect(document.activeElement).toBe(button);
  });

  it('what cannot be undone wants its name typed', async () => {
    const user = userEvent.setup();
    const onConfirm = vi.fn();
    show(
      nobody,
      <Confirm
        title="Delete?"
        text="All of it."
        verb="Delete"
        typed="Churn"
        onConfirm={onConfirm}
        onCancel={vi.fn()}
      />
    );
    const button = screen.getByRole<HTMLButtonElement>('button', { name: 'Delete' });
    await user.type(screen.getByRole('textbox'), 'churn{Enter}');
    expect(button.disabled).toBe(true);
    expect(onConfirm).not.toHaveBeenCalled();
    await user.clear(screen.getByRole('textbox'));
    await user.type(screen.getByRole('textbox'), 'Churn{Enter}');
    expect(onConfirm).toHaveBeenCalled();
  });

  it('a place is a link where it has an address, else a button', async () => {
    const user = userEvent.setup();
    const target = { kind: 'snapshot', snapshot: 'SNP-1' } as const;
    const page = show(nobody, <PlaceLink to={target}>here</PlaceLink>, () => '/s/SNP-1');
    expect(screen.getByRole('link').getAttribute('href')).toBe('/s/SNP-1');
    await user.click(screen.getByRole('link'));
    expect(page.opened).toEqual([target]);
    page.unmount();
    const tab = show(nobody, <PlaceLink to={target}>here</PlaceLink>);
    await user.click(screen.getByRole('button'));
    expect(tab.opened).toEqual([target]);
  });
});

describe('notices', () => {
  it('an error says what, why and what to do; unexpected ones too', () => {
    show(
      nobody,
      <ErrorNotice error={new Problem({ what: 'no such project', nearest: ['Churn'] })} />
    );
    expect(screen.getByRole('alert').textContent).toContain(
      'No such project. Near to it: Churn'.replace('. N', '.N')
    );
  });

  it('an unknown failure is not swallowed', () => {
    show(nobody, <ErrorNotice error={new TypeError('x is undefined')} />);
    expect(screen.getByRole('alert').textContent).toContain('x is undefined');
  });

  it('an empty state leads on', async () => {
    const user = userEvent.setup();
    const run = vi.fn();
    show(nobody, <EmptyState title="Nothing." action={{ label: 'Log in', run }} />);
    await user.click(screen.getByRole('button', { name: 'Log in' }));
    expect(run).toHaveBeenCalled();
  });
});

describe('charts', () => {
  it('have a table behind them', async () => {
    const user = userEvent.setup();
    const points = [
      { id: 'a', name: 'SNP-1', value: 0.5 },
      { id: 'b', name: 'SNP-2', value: null },
      { id: 'c', name: 'SNP-3', value: 0.75 }
    ];
    show(nobody, <LineChart title="acc" points={points} />);
    expect(screen.getByRole('img').getAttribute('aria-label')).toBe(
      'acc: 2 values between 0.5 and 0.75'
    );
    await user.click(screen.getByRole('button', { name: 'Show as table' }));
    expect(screen.getAllByRole('row').map(row => row.textContent)).toEqual([
      'snapshotacc',
      'SNP-10.5',
      'SNP-2',
      'SNP-30.75'
    ]);
  });

  it('a line of one value, of equal values and of none is drawn or left out', () => {
    const { container, rerender } = show(nobody, <Sparkline values={[3]} name="acc" />);
    expect(container.querySelector('polyline')?.getAttribute('points')).not.toContain('NaN');
    rerender(<Sparkline values={[3, 3, null]} name="acc" />);
    expect(container.querySelector('polyline')?.getAttribute('points')).not.toContain('NaN');
    rerender(<Sparkline values={[null]} name="acc" />);
    expect(container.querySelector('svg')).toBeNull();
  });

  it('ticks are round', () => {
    expect(ticks(0.871, 0.912, 3)).toEqual([0.88, 0.9]);
    expect(ticks(0, 100, 4)).toEqual([0, 50, 100]);
    expect(ticks(5, 5)).toEqual([5]);
  });
});
