import type { Widget } from '@lumino/widgets';
import { describe, expect, it } from 'vitest';

import { Problem } from '../../src/api';
import { blankOf, noticeOf } from '../../src/lab/blank';
import type { IEtiqSession, SessionState } from '../../src/lab/session';
import type { Place } from '../../src/lab/tokens';
import { status } from './kernel';

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

describe('the line above the list', () => {
  it('offers to log in, in local mode', () => {
    expect(noticeOf(status({ state: 'local' }))?.action.label).toBe('Log in');
  });

  it.each([
    [0, 'no longer accepted.'],
    [1, '1 snapshot waits'],
    [3, '3 snapshots wait']
  ])('says how many of %i snapshots wait after the token expired', (pending, words) => {
    const notice = noticeOf(status({ state: 'expired' }, { pending }));
    expect(notice?.text).toContain(words);
    expect(notice?.action.label).toBe('Log in again');
  });

  it('is not there while all is well', () => {
    expect(noticeOf(status())).toBeNull();
  });
});
