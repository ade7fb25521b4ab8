import type { Widget } from '@lumino/widgets';
import { describe, expect, it } from 'vitest';

import { Problem } from '../../src/api';
import { blankList, blankOf } from '../../src/lab/blank';
import type { IEtiqSession, SessionState } from '../../src/lab/session';
import type { Place } from '../../src/lab/tokens';
import { status } from '../nouns';

const widget = {} as Widget;

function at(state: SessionState): Place {
  return { kind: 'session', name: 'a.ipynb', widget, session: { state } as IEtiqSession };
}

const ACTED: [string, Place][] = [
  ['no_notebook', { kind: 'no_notebook' }],
  ['no_kernel', { kind: 'no_kernel', name: 'a.ipynb', widget, starting: false }],
  ['dead', at({ kind: 'dead' })],
  ['not_python', at({ kind: 'not_python', language: 'julia' })],
  ['not_loaded', at({ kind: 'not_loaded' })],
  ['no_answer', at({ kind: 'no_answer', problem: new Problem({ code: 'no_answer' }) })],
  [
    'no_answer',
    at({ kind: 'no_answer', problem: new Problem({ code: 'invalid', what: 'Versions differ' }) })
  ]
];

const WAITED: [string, Place][] = [
  ['starting', { kind: 'no_kernel', name: 'a.ipynb', widget, starting: true }],
  ['looking', at({ kind: 'looking' })],
  ['restarting', at({ kind: 'restarting' })],
  ['disconnected', at({ kind: 'disconnected' })]
];

describe('a blank sidebar', () => {
  it.each(ACTED)('says why and offers one button: %s', (kind, place) => {
    const blank = blankOf(place);
    expect(blank?.kind).toBe(kind);
    expect(blank?.title).toMatch(/^[A-Za-z].*\.$/);
    expect(blank?.title.split('. ')).toHaveLength(1);
    expect(blank?.action?.label).toBeTruthy();
    expect(blank?.waiting).toBeUndefined();
  });

  it.each(WAITED)('says what it waits for: %s', (kind, place) => {
    const blank = blankOf(place);
    expect(blank).toMatchObject({ kind, waiting: true, action: null });
    expect(blank?.title).toContain('a.ipynb');
  });

  it('names the language of a kernel that is not Python', () => {
    expect(blankOf(at({ kind: 'not_python', language: 'julia' }))?.title).toContain('Julia');
  });

  it('is not blank once there is a session', () => {
    expect(blankOf(at({ kind: 'ready', status: status() }))).toBeNull();
  });
});

describe('a blank list', () => {
  it.each([
    [0, 'Log in again to see the project.'],
    [1, '1 snapshot waits here'],
    [3, '3 snapshots wait here']
  ])('says what becomes of %i waiting snapshots after the token expired', (pending, words) => {
    const blank = blankList(status({ state: 'expired' }, { pending }));
    expect(blank?.hint).toContain(words);
    expect(blank?.action?.id).toBe('insert_login');
  });

  it('offers to choose a project where there is none', () => {
    expect(blankList(status({ project: '' }))?.action?.id).toBe('choose_project');
  });

  it('is a list once there is a project, also in local mode', () => {
    expect(blankList(status())).toBeNull();
    expect(blankList(status({ state: 'local' }))).toBeNull();
  });
});
