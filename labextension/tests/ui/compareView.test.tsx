import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import type { Diff, VariableChange } from '../../src/api';
import { CompareView } from '../../src/ui';
import { foldUnchanged } from '../../src/ui/SourceView';
import { unified } from '../../src/ui/ValueChange';
import { MemoryBackend, show } from '../memory';
import { item, summary } from '../nouns';

const NASTY = '<img src=x onerror="window.owned=true">';

function change(name: string, more: Partial<VariableChange>): VariableChange {
  const side = item({ name, size: 100 });
  return {
    name,
    status: 'changed',
    kind: 'plain',
    a: side,
    b: side,
    summary: '',
    detail: {},
    ...more
  };
}

const diff: Diff = {
  a: summary(41, { metrics: { acc: 0.898, steps: 10 } }),
  b: summary(42, { metrics: { acc: 0.912, steps: 10, f1: 0.5 } }),
  source_same: false,
  source: [
    { op: ' ', text: 'a = 1', a: 1, b: 1 },
    { op: '-', text: 'b = 2', a: 2, b: 0 },
    { op: '+', text: 'b = 3', a: 0, b: 2 }
  ],
  metrics: [
    { name: 'acc', a: 0.898, b: 0.912, change: 0.014 },
    { name: 'f1', a: null, b: 0.5, change: null }
  ],
  variables: [
    change('same', { status: 'same' }),
    change('gone', { status: 'removed', b: null }),
    change('new', { status: 'added', a: null }),
    change('df', {
      kind: 'frame',
      summary: '1 rows changed',
      detail: {
        form: 'frame',
        matched_by: 'key',
        key: 'id',
        rows: { added: 0, removed: 2, changed: 1, same: 97 },
        schema: {
          added: [{ name: 'z', type: 'int64' }],
          removed: [],
          changed: [{ name: 'p', a: 'int64', b: 'float64' }]
        },
        sample: [
          {
            row_a: 7,
            row_b: 7,
            key: 7,
            cells: [
              { column: 'price', a: 7, b: -1 },
              { column: NASTY, a: null, b: NASTY }
            ]
          }
        ],
        removed_rows: { columns: ['id', 'price'], places: [3], rows: [[3, 3]] },
        columns: [
          {
            name: 'price',
            changed: 1,
            nulls: [0, 1],
            mean: [5, 4],
            histogram: { edges: [0, 1, 2], a: [1, 2], b: [2, 1] }
          }
        ]
      }
    }),
    change('arr', {
      kind: 'array',
      detail: {
        form: 'array',
        shape: [
          [2, 3],
          [2, 3]
        ],
        dtype: ['float64', 'float64'],
        changed: 2,
        largest: 0.5,
        at: [1, 2],
        values: ['1.0', '1.5'],
        mean: 0.1
      }
    }),
    change('params', {
      detail: { form: 'plain', changes: [{ what: 'changed', path: "['depth']", a: '3', b: '8' }] }
    }),
    change('fig', {
      kind: 'figure',
      detail: {
        form: 'picture',
        a: { form: 'picture', mime: 'image/png', data: 'AAAA' },
        b: { form: 'picture', mime: 'image/png', data: 'BBBB' }
      }
    }),
    change('broken', { detail: { error: 'the content is damaged' } }),
    change('odd', {
      kind: 'frame',
      detail: {
        form: 'frame',
        rows: 7,
        schema: [],
        sample: 'x',
        columns: { a: 1 },
        removed_rows: null
      }
    })
  ],
  environment: []
};

async function shown(given: Diff = diff): Promise<void> {
  show(new MemoryBackend({ '/diff': given }), <CompareView a="SNP-41" b="SNP-42" />);
  await screen.findByRole('heading', { level: 1 });
}
const section = (name: string): HTMLElement => screen.getByRole('region', { name });
const unfold = async (name: string): Promise<void> =>
  userEvent.setup().click(screen.getByRole('button', { name }));

describe('a comparison', () => {
  it('begins with facts and all metrics, changed or not', async () => {
    await shown();
    const rows = screen.getAllByRole('row').map(row => row.textContent);
    expect(rows).toContain('acc0.8980.912+0.014');
    expect(rows).toContain('f1none0.5');
    expect(rows).toContain('steps1010');
  });

  it('counts changes, and folds and says what is the same', async () => {
    await shown();
    expect(section('Source').textContent).toContain('1 line added, 1 removed');
    expect(section('Variables').textContent).toContain('6 changed, 1 added, 1 removed, 1 the same');
    expect(section('Environment').textContent).toBe('Environmentthe same');
    expect(screen.queryByRole('button', { name: 'same' })).toBeNull();
    await unfold('Show the 1 that is the same');
    expect(screen.getByRole('button', { name: 'same' })).toBeTruthy();
  });

  it('says so when nothing differs', async () => {
    await shown({ ...diff, source_same: true, source: [], metrics: [], variables: [] });
    expect(section('Source').textContent).toBe('Sourcethe same');
    expect(section('Variables').textContent).toBe('Variablesnone');
  });

  it('marks the changed cells of a frame; what they hold stays text', async () => {
    await shown();
    await unfold('df');
    const marked = document.querySelectorAll('.etiq-cell-changed');
    expect(Array.from(marked, each => each.textContent)).toEqual(['7 -1', `null ${NASTY}`]);
    const text = document.querySelector('.etiq-frame-change')?.textContent;
    expect(text).toContain('matched by id');
    expect(text).toContain('+ z int64');
    expect(text).toContain('~ p int64 → float64');
    expect(text).toContain('(the first 1 of 2)');
    expect(
      screen.getByRole('img', { name: /Distribution of price: 1, 2 against 2, 1/ })
    ).toBeTruthy();
    expect(document.querySelector('.etiq-frame-change img')).toBeNull();
  });

  it('tells how arrays and values differ', async () => {
    await shown();
    await unfold('arr');
    expect(section('Variables').textContent).toContain('0.5 at [1, 2]: 1.0 → 1.5');
    await unfold('params');
    const entries = screen.getByRole('group', { name: 'Entries that differ' });
    expect(within(entries).getAllByRole('row')[1]?.textContent).toBe("['depth']38");
  });

  it('shows figures side by side and one over the other', async () => {
    await shown();
    const figures = section('Figures');
    expect(
      within(figures)
        .getAllByRole('img')
        .map(each => each.getAttribute('alt'))
    ).toEqual(['fig in SNP-41', 'fig in SNP-42']);
    await unfold('Swipe');
    expect(within(figures).getByRole('slider', { name: 'Share of SNP-41 shown' })).toBeTruthy();
  });

  it('survives comparisons of any form', async () => {
    await shown();
    await unfold('odd');
    await unfold('broken');
    expect(screen.getByText('the content is damaged')).toBeTruthy();
    expect(screen.queryByText(/cannot be shown/)).toBeNull();
  });
});

it('folds long runs of unchanged lines', () => {
  const lines = Array.from({ length: 30 }, (_, n) => ({
    op: n === 15 ? ('+' as const) : (' ' as const),
    text: String(n),
    a: n,
    b: n
  }));
  expect(foldUnchanged(lines).map(group => [group.hidden, group.lines.length])).toEqual([
    [true, 12],
    [false, 7],
    [true, 11]
  ]);
});

it('numbers the lines of a unified diff', () => {
  expect(unified(['@@ -4,2 +5,3 @@', ' a', '-b', '+c', '+d'])).toEqual([
    { op: ' ', text: 'a', a: 4, b: 5 },
    { op: '-', text: 'b', a: 5, b: 0 },
    { op: '+', text: 'c', a: 0, b: 6 },
    { op: '+', text: 'd', a: 0, b: 7 }
  ]);
});
