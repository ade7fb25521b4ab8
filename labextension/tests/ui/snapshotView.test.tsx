import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';

import { Problem, type Preview, type SnapshotDetail } from '../../src/api';
import { SnapshotView } from '../../src/ui';
import { ItemPreview } from '../../src/ui/ItemPreview';
import { MemoryBackend, show } from '../memory';
import { detail, item } from '../nouns';

const PATH = '/snapshots/SNP-42';

const preview = (more: Partial<Preview>): Preview => ({
  form: 'none',
  columns: [],
  rows: [],
  offset: 0,
  total: 0,
  text: '',
  mime: '',
  data: null,
  truncated: false,
  reason: '',
  ...more
});

const whole = detail(42, {
  name: 'fit baseline',
  source: 'clf = fit(df)\nacc = 0.912',
  previous: { id: 'x40', short_id: 'SNP-40', name: 'fit baseline', items: [] },
  previous_source: 'clf = fit(df)\nacc = 0.898',
  metrics: { acc: 0.912, loss: null, 'f1 ': 3 },
  previous_metrics: { acc: 0.898 },
  tags: ['baseline'],
  note: 'first try',
  items: [
    item({ name: 'clf', kind: 'model', type: 'RandomForest', size: 17_900_000 }),
    item({ name: 'gen', kind: 'other', type: 'generator', reason: 'a generator has no safe form' }),
    item({ name: '@outputs', role: 'outputs', kind: 'outputs' }),
    item({ name: '@environment', role: 'environment', summary: 'Python 3.11.7, 84 packages' })
  ],
  parents: [{ id: 'x41', short_id: 'SNP-41', name: 'clean', items: ['df'] }],
  children: [{ id: 'x43', short_id: 'SNP-43', name: 'evaluate', items: ['clf'] }],
  redactions: [{ kind: 'AWS key', count: 2, where: 'source' }]
});
const parent = detail(41, {
  id: 'x41',
  items: [item({ name: 'df', kind: 'frame', summary: '950,000 x 12', size: 44_600_000 })]
});

function backendOf(snapshot: SnapshotDetail = whole): MemoryBackend {
  return new MemoryBackend({
    '/snapshots/SNP-42': snapshot,
    '/snapshots/x41': parent,
    [`/snapshots/${snapshot.id}/items/%40outputs/preview`]: preview({
      form: 'outputs',
      data: [{ output_type: 'stream', name: 'stdout', text: 'accuracy 0.912\n' }]
    }),
    [`/snapshots/${snapshot.id}/items/clf/preview`]: preview({
      form: 'json',
      data: { max_depth: 8 }
    }),
    '/snapshots/x41/items/df/preview': preview({
      form: 'table',
      columns: [{ name: 'city', type: 'string', align: 'left', index: false }],
      rows: [['Rome'], [null]],
      total: 950_000
    })
  });
}

const section = (name: string): HTMLElement => screen.getByRole('region', { name });

describe('the files of an item', () => {
  it.each([
    ['frame', 'pandas.frame', {}, ['Parquet', 'CSV']],
    ['array', 'numpy.array', {}, ['npy']],
    ['image', 'picture.pixels', {}, ['PNG']],
    ['plain', 'plain', {}, ['JSON']],
    ['code', 'source', {}, ['Python']],
    ['tensor', 'torch.tensor', { dtype: 'float32' }, ['safetensors']],
    ['tensor', 'torch.tensor', { dtype: 'complex128' }, []],
    ['model', 'torch.module', {}, ['safetensors']],
    ['model', 'sklearn.estimator', {}, []]
  ] as const)('of kind %s kept by %s are offered', async (kind, codec, facts, labels) => {
    const given = item({ name: 'it', kind, codec, detail: facts });
    const form = ['frame', 'array'].includes(kind) ? 'table' : 'json';
    const backend = new MemoryBackend({ '/snapshots/s1/items/it/preview': preview({ form }) });
    show(backend, <ItemPreview snapshot="s1" item={given} />);
    await waitFor(() => expect(document.querySelector('.etiq-loading')).toBeNull());
    const links = screen.queryAllByRole('link').map(link => link.textContent);
    expect(links).toEqual(labels.map(label => `Download ${label}`));
  });
});

describe('a snapshot', () => {
  it('stays in sight while nobody can be asked, and goes when it is refused', async () => {
    const backend = backendOf();
    show(backend, <SnapshotView snapshot="SNP-42" />);
    const heading = await screen.findByRole('heading', { level: 1 });
    const asked = (): number => backend.asked.filter(each => each.path === PATH).length;
    backend.answers.set(PATH, new Problem({ code: 'offline', what: 'cannot reach it' }));
    act(() => backend.tell({ kind: 'reconnected' }));
    await waitFor(() => expect(asked()).toBe(2));
    await act(async () => undefined);
    expect(heading.isConnected).toBe(true);
    expect(screen.queryByRole('alert')).toBeNull();
    backend.answers.set(PATH, new Problem({ status: 404, code: 'not_found', what: 'it is gone' }));
    act(() => backend.tell({ kind: 'reconnected' }));
    expect((await screen.findByRole('alert')).textContent).toContain('It is gone.');
    expect(heading.isConnected).toBe(false);
  });

  it('says who, when, where, and what changed', async () => {
    show(backendOf(), <SnapshotView snapshot="SNP-42" />);
    expect((await screen.findByRole('heading', { level: 1 })).textContent).toBe(
      'SNP-42 fit baseline'
    );
    expect(screen.getByText('cell 7', { exact: false })).toBeTruthy();
    const metrics = section('Metrics');
    expect(metrics.textContent).toContain('changes since SNP-40');
    expect(metrics.textContent).toContain('acc0.912+0.014');
    expect(metrics.textContent).toContain('lossnan');
    expect(section('Taken out').textContent).toContain('2 × AWS key (source)');
  });

  it('marks the lines that changed since the last snapshot of the cell', async () => {
    show(backendOf(), <SnapshotView snapshot="SNP-42" />);
    await screen.findByRole('heading', { level: 1 });
    const changed = document.querySelectorAll('.etiq-line-changed');
    expect(changed).toHaveLength(1);
    expect(changed[0]?.textContent).toContain('Changed since SNP-40');
    expect(changed[0]?.textContent).toContain('acc = 0.912');
  });

  it('lists what was made here, then what was read from elsewhere, each with its preview', async () => {
    const user = userEvent.setup();
    const { opened } = show(backendOf(), <SnapshotView snapshot="SNP-42" />);
    await screen.findByText('SNP-41 clean', { selector: 'table *' });
    const rows = within(section('Variables')).getAllByRole('row').slice(1);
    expect(rows.map(row => row.querySelector('th')?.textContent)).toEqual(['clf', 'gen', 'df']);
    expect(rows[0]?.textContent).toContain('17.9 MB');
    expect(rows[1]?.textContent).toContain('not kept: a generator has no safe form');
    expect(rows[2]?.textContent).toContain('950,000 x 12');
    await user.click(screen.getByRole('button', { name: 'clf' }));
    expect(await screen.findByText('max_depth:')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'df' }));
    expect(await screen.findByText('Rome')).toBeTruthy();
    expect(screen.getByText('null').className).toContain('etiq-null');
    expect(screen.getByText(/rows 1–50 of 950,000/)).toBeTruthy();
    await user.click(within(section('Variables')).getByRole('button', { name: 'SNP-41 clean' }));
    expect(opened.at(-1)).toEqual({ kind: 'snapshot', snapshot: 'SNP-41' });
  });

  it('shows lineage both ways and compares with neighbours', async () => {
    const user = userEvent.setup();
    const { opened } = show(backendOf(), <SnapshotView snapshot="SNP-42" />);
    await screen.findByRole('heading', { level: 1 });
    expect(section('Lineage').textContent).toMatch(/SNP-41 clean.*df.*SNP-42.*SNP-43 evaluate/);
    await user.click(screen.getByRole('button', { name: 'Compare' }));
    await user.click(screen.getByRole('menuitem', { name: 'with SNP-43 evaluate' }));
    expect(opened.at(-1)).toEqual({ kind: 'compare', a: 'SNP-42', b: 'SNP-43' });
  });

  it('is renamed, tagged and noted by editors only', async () => {
    const user = userEvent.setup();
    const backend = backendOf();
    show(backend, <SnapshotView snapshot="SNP-42" />);
    await user.click(await screen.findByRole('button', { name: 'Remove tag baseline' }));
    await user.click(screen.getByRole('button', { name: 'Add a tag' }));
    await user.type(screen.getByLabelText('New tag'), 'tuned{Enter}');
    expect(backend.sent.map(({ method, body }) => [method, body])).toEqual([
      ['PATCH', { tags: [] }],
      ['PATCH', { tags: ['baseline', 'tuned'] }]
    ]);
  });

  it('offers viewers no changes', async () => {
    show(backendOf({ ...whole, role: 'viewer' }), <SnapshotView snapshot="SNP-42" />);
    await screen.findByRole('heading', { level: 1 });
    expect(screen.queryByRole('button', { name: 'Add a tag' })).toBeNull();
    expect(screen.queryByRole('button', { name: 'More actions' })).toBeNull();
  });

  it('is deleted after a question; Escape answers no', async () => {
    const user = userEvent.setup();
    const backend = backendOf();
    const onDeleted = vi.fn();
    show(backend, <SnapshotView snapshot="SNP-42" onDeleted={onDeleted} />);
    await user.click(await screen.findByRole('button', { name: 'More actions' }));
    await user.click(screen.getByRole('menuitem', { name: 'Delete' }));
    const dialog = screen.getByRole('dialog');
    await user.click(within(dialog).getByRole('button', { name: 'Cancel' }));
    expect(backend.sent).toEqual([]);
    await user.click(screen.getByRole('button', { name: 'More actions' }));
    await user.click(screen.getByRole('menuitem', { name: 'Delete' }));
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Delete' }));
    await waitFor(() => expect(onDeleted).toHaveBeenCalled());
    expect(backend.sent[0]).toMatchObject({ method: 'DELETE', path: `/snapshots/${whole.id}` });
  });

  it('runs the actions of the front end and tells their failures', async () => {
    const user = userEvent.setup();
    const run = vi.fn().mockRejectedValue(new Problem({ what: 'no kernel', hint: 'start one' }));
    const actions = [{ id: 'restore', label: 'Restore', run }];
    show(backendOf(), <SnapshotView snapshot="SNP-42" actions={actions} />);
    await user.click(await screen.findByRole('button', { name: 'Restore' }));
    expect(run.mock.calls[0]?.[0]).toMatchObject({ short_id: 'SNP-42' });
    expect((await screen.findByRole('alert')).textContent).toContain('No kernel. Start one.');
  });

  it('follows changes elsewhere', async () => {
    const backend = backendOf();
    show(backend, <SnapshotView snapshot="SNP-42" />);
    await screen.findByRole('heading', { level: 1 });
    backend.answers.set('/snapshots/SNP-42', { ...whole, name: 'renamed' });
    act(() => backend.tell({ kind: 'snapshot', id: whole.id }));
    await screen.findByText('renamed');
  });

  it('says when it is not there', async () => {
    show(new MemoryBackend(), <SnapshotView snapshot="SNP-9" />);
    expect((await screen.findByRole('alert')).textContent).toContain(
      'There is no /snapshots/SNP-9.'
    );
  });

  it('survives details of any form', async () => {
    const user = userEvent.setup();
    const odd = {
      ...item({ name: 'odd' }),
      detail: {
        columns: [null, 3, { name: {}, type: {} }],
        shape: 'x',
        parameters: { a: { b: [] } }
      }
    };
    const backend = backendOf({ ...whole, items: [odd] });
    backend.answers.set(
      `/snapshots/${whole.id}/items/odd/preview`,
      preview({ form: 'json', data: null })
    );
    show(backend, <SnapshotView snapshot="SNP-42" />);
    await user.click(await screen.findByRole('button', { name: 'odd' }));
    expect(await screen.findByLabelText('Parameters')).toBeTruthy();
    expect(screen.queryByText(/cannot be shown/)).toBeNull();
  });
});

describe('a frame', () => {
  it('is sorted, filtered and paged by the other side', async () => {
    const user = userEvent.setup();
    const backend = backendOf({
      ...whole,
      parents: [],
      items: [item({ name: 'df', kind: 'frame', summary: '950,000 x 1' })]
    });
    const path = `/snapshots/${whole.id}/items/df/preview`;
    backend.answers.set(path, ({ filter, offset }: { filter: string; offset: number }) =>
      filter === 'nope >'
        ? new Problem({ status: 422, code: 'invalid', what: 'there is no column nope' })
        : preview({
            form: 'table',
            columns: [{ name: 'n', type: 'int64', align: 'right', index: false }],
            rows: [[1]],
            offset,
            total: 950_000
          })
    );
    show(backend, <SnapshotView snapshot="SNP-42" />);
    await user.click(await screen.findByRole('button', { name: 'df' }));
    await user.click(await screen.findByTitle('Sort by n'));
    await user.click(screen.getByTitle('Sort by n'));
    await waitFor(() => expect(backend.asked.at(-1)?.query.sort).toBe('-n'));
    expect(screen.getByRole('columnheader', { name: /int64/ }).getAttribute('aria-sort')).toBe(
      'descending'
    );
    await user.click(screen.getByRole('button', { name: 'Last rows' }));
    await waitFor(() => expect(backend.asked.at(-1)?.query.offset).toBe(949_950));
    await user.type(screen.getByLabelText('Filter rows of df'), 'nope >');
    expect((await screen.findByRole('alert')).textContent).toContain('there is no column nope');
    expect(screen.getByRole('group', { name: 'df' }).textContent).toContain('int64');
    expect(backend.asked.at(-1)?.query.offset).toBe(0);
  });
});
