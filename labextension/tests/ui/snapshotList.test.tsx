import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';

import { Problem } from '../../src/api';
import { SnapshotList } from '../../src/ui';
import { MemoryBackend, show } from '../memory';
import { item, page, summary } from '../nouns';

const PATH = '/projects/PRJ-1/snapshots';
const three = [
  summary(3, { failed: true, metrics: { acc: 0.912, loss: 0.31, f1: 0.9 } }),
  summary(2, { biggest: item({ name: 'df', summary: '950,000 x 12', size: 44_600_000 }) }),
  summary(1, { run: 'r0', run_name: 'older.ipynb', state: 'stored', short_id: '' })
];

async function rows(): Promise<HTMLElement[]> {
  return screen.findAllByRole('option');
}

describe('the list of snapshots', () => {
  it('shows two pinned metrics, else the biggest item, and marks failed and unsent ones', async () => {
    const backend = new MemoryBackend({ [PATH]: page(three) });
    show(backend, <SnapshotList project="PRJ-1" pinned={['loss', 'f1']} currentRun="r1" />);
    const [first, second, third] = (await rows()).filter(row => row.dataset.id);
    expect(first?.textContent).toContain('loss 0.31');
    expect(first?.textContent).toContain('f1 0.9');
    expect(first?.textContent).not.toContain('acc');
    expect(within(first as HTMLElement).getByText('Failed')).toBeTruthy();
    expect(within(first as HTMLElement).getByTitle('Made by the current notebook')).toBeTruthy();
    expect(second?.textContent).toContain('df 950,000 x 12');
    expect(second?.textContent).toContain('44.6 MB');
    expect(third?.textContent).toContain('#1');
    expect(within(third as HTMLElement).getByText('Kept here')).toBeTruthy();
    expect(within(third as HTMLElement).queryByTitle('Made by the current notebook')).toBeNull();
  });

  it('goes by arrows, opens by Enter, marks by Space and compares in the order of time', async () => {
    const user = userEvent.setup();
    const backend = new MemoryBackend({ [PATH]: page(three) });
    const { opened } = show(backend, <SnapshotList project="PRJ-1" />);
    const [first, second] = await rows();
    act(() => first?.focus());
    await user.keyboard(' {ArrowDown} ');
    expect(document.activeElement).toBe(second);
    expect(first?.getAttribute('aria-selected')).toBe('true');
    await user.keyboard('{Enter}');
    expect(opened).toEqual([{ kind: 'snapshot', snapshot: 'SNP-2' }]);
    await user.click(screen.getByRole('button', { name: 'Compare SNP-2 with SNP-3' }));
    expect(opened[1]).toEqual({ kind: 'compare', a: 'SNP-2', b: 'SNP-3' });
  });

  it('has one row in the tab order, and keeps the place at both ends', async () => {
    const user = userEvent.setup();
    show(new MemoryBackend({ [PATH]: page(three) }), <SnapshotList project="PRJ-1" />);
    const all = await rows();
    expect(all.filter(row => row.tabIndex === 0)).toHaveLength(1);
    act(() => all[0]?.focus());
    await user.keyboard('{ArrowUp}');
    expect(document.activeElement).toBe(all[0]);
    await user.keyboard('{End}{ArrowDown}');
    expect(document.activeElement).toBe(all[2]);
  });

  it('selects by click and opens by double click where there is a preview', async () => {
    const user = userEvent.setup();
    const onSelect = vi.fn();
    const { opened } = show(
      new MemoryBackend({ [PATH]: page(three) }),
      <SnapshotList project="PRJ-1" onSelect={onSelect} />
    );
    const [first] = await rows();
    await user.click(first as HTMLElement);
    expect(onSelect).toHaveBeenCalledWith(three[0]);
    expect(opened).toEqual([]);
    await user.dblClick(first as HTMLElement);
    expect(opened).toHaveLength(1);
  });

  it('groups by run', async () => {
    const user = userEvent.setup();
    show(new MemoryBackend({ [PATH]: page(three) }), <SnapshotList project="PRJ-1" />);
    await rows();
    await user.click(screen.getByRole('button', { name: 'By run' }));
    expect(screen.getAllByRole('group').map(group => group.getAttribute('aria-label'))).toEqual([
      'quickstart.ipynb',
      'older.ipynb'
    ]);
  });

  it('asks with what is typed, but not with a half of a term', async () => {
    const backend = new MemoryBackend({ [PATH]: page(three) });
    show(backend, <SnapshotList project="PRJ-1" />);
    await rows();
    const box = screen.getByRole('combobox');
    fireEvent.change(box, { target: { value: 'metric.acc>' } });
    await new Promise(resolve => setTimeout(resolve, 350));
    expect(backend.asked.map(({ query }) => query.q)).toEqual(['']);
    fireEvent.change(box, { target: { value: 'metric.acc>0.9' } });
    await waitFor(() => expect(backend.asked.at(-1)?.query.q).toBe('metric.acc>0.9'));
  });

  it('takes hints by keyboard', async () => {
    const user = userEvent.setup();
    const tagged = page([summary(1, { tags: ['baseline'] })]);
    show(new MemoryBackend({ [PATH]: tagged }), <SnapshotList project="PRJ-1" />);
    await rows();
    const box = screen.getByRole<HTMLInputElement>('combobox');
    await user.type(box, 'base');
    expect(box.getAttribute('aria-expanded')).toBe('true');
    await user.keyboard('{ArrowDown}{Enter}');
    expect(box.value).toBe('tag:baseline ');
  });

  it('loads further pages', async () => {
    const user = userEvent.setup();
    const backend = new MemoryBackend({
      [PATH]: ({ cursor }: { cursor?: string }) =>
        cursor === 'next'
          ? page([summary(1)], { total: 3 })
          : page([three[0], three[1]], { next_cursor: 'next', total: 3 })
    });
    show(backend, <SnapshotList project="PRJ-1" />);
    expect(await rows()).toHaveLength(2);
    await user.click(screen.getByRole('button', { name: 'Show more' }));
    await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(3));
    expect(screen.queryByRole('button', { name: 'Show more' })).toBeNull();
  });

  it('shows a snapshot that arrives', async () => {
    const backend = new MemoryBackend({ [PATH]: page([three[1]]) });
    show(backend, <SnapshotList project="PRJ-1" />);
    expect(await rows()).toHaveLength(1);
    backend.answers.set(PATH, page([three[0], three[1]]));
    act(() => backend.tell({ kind: 'snapshot', id: 'x' }));
    await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(2));
  });

  it('says what to do when it is empty, with the cell to run', async () => {
    const user = userEvent.setup();
    const onInsert = vi.fn();
    show(
      new MemoryBackend({ [PATH]: page([]) }),
      <SnapshotList project="PRJ-1" onInsert={onInsert} />
    );
    expect(await screen.findByText('No snapshots in this project yet.')).toBeTruthy();
    expect(screen.getByLabelText('Cell to run').textContent).toContain('%%snapshot');
    await user.click(screen.getByRole('button', { name: 'Insert into the notebook' }));
    expect(onInsert).toHaveBeenCalledWith(expect.stringContaining('%%snapshot'));
  });

  it('keeps the button of an empty list while it asks again', async () => {
    const backend = new MemoryBackend({ [PATH]: page([]) });
    show(backend, <SnapshotList project="PRJ-1" onInsert={vi.fn()} />);
    const button = await screen.findByRole('button', { name: 'Insert into the notebook' });
    let answer = (): void => undefined;
    backend.answers.set(PATH, () => new Promise(resolve => (answer = () => resolve(page([])))));
    act(() => backend.tell({ kind: 'snapshot' }));
    await waitFor(() => expect(backend.asked).toHaveLength(2));
    expect(button.isConnected).toBe(true);
    expect(screen.queryByText(/Loading/)).toBeNull();
    await act(async () => answer());
    expect(button.isConnected).toBe(true);
  });

  it('says what happened when asking fails, and asks again', async () => {
    const offline = new Problem({
      code: 'offline',
      what: 'cannot reach http://10.0.0.5:8765',
      why: 'connection refused',
      hint: 'your snapshots are kept here'
    });
    const backend = new MemoryBackend({ [PATH]: offline });
    show(backend, <SnapshotList project="PRJ-1" />);
    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toContain(
      'Cannot reach http://10.0.0.5:8765 (connection refused). Your snapshots are kept here.'
    );
    backend.answers.set(PATH, page(three));
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await rows()).toHaveLength(3);
    expect(screen.queryByRole('alert')).toBeNull();
  });
});
