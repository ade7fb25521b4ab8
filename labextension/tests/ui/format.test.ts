import { describe, expect, it } from 'vitest';

import { ago, bytes, cell, change, count, duration, metric, until } from '../../src/ui/format';

const now = new Date('2026-11-20T12:00:00Z');
const before = (seconds: number): Date => new Date(now.getTime() - seconds * 1000);

describe('sizes', () => {
  it.each([
    [0, '0 B'],
    [-5, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [44_600_000, '44.6 MB'],
    [1.5e12, '1.5 TB'],
    [3e18, '3000.0 PB']
  ])('%d bytes are %s', (size, text) => expect(bytes(size)).toBe(text));
});

describe('metrics', () => {
  it.each([
    [0.912, '0.912'],
    [0.1 + 0.2, '0.3'],
    [42, '42'],
    [0, '0'],
    [1234.56, '1,234.6'],
    [-0.5, '\u22120.5'],
    [1.5e-7, '1.500e\u22127'],
    [2.5e12 + 0.5, '2.500e+12'],
    [null, 'nan'],
    [NaN, 'nan'],
    [undefined, 'nan']
  ])('%d is %s', (value, text) => expect(metric(value)).toBe(text));

  it('shows changes without the noise of floats', () => {
    expect(change(0.912 - 0.898)).toBe('+0.014');
    expect(change(-0.02)).toBe('\u22120.02');
    expect(change(0)).toBe('±0');
  });
});

describe('times', () => {
  it.each([
    [3, 'now'],
    [40, '40 s'],
    [125, '2 min'],
    [3600 * 3, '3 h'],
    [86_400 * 5, '5 d'],
    [86_400 * 20, '2 wk'],
    [86_400 * 200, '4 May 2026'],
    [-60, 'now']
  ])('%d seconds ago is %s', (seconds, text) => expect(ago(before(seconds), now)).toBe(text));

  it('does not call a time far ahead "now"', () => {
    expect(ago(before(-3600), now)).toContain('20 Nov 2026');
  });

  it('says when something expires', () => {
    expect(until(before(1), now)).toBe('expired');
    expect(until(before(-86_400 * 5 - 60), now)).toBe('in 5 d');
  });

  it.each([
    [0.0124, '12 ms'],
    [0.9999, '1.0 s'],
    [3.42, '3.4 s'],
    [59.97, '1 min'],
    [125, '2 min 5 s'],
    [3840, '1 h 4 min']
  ])('a duration of %d s is %s', (seconds, text) => expect(duration(seconds)).toBe(text));
});

it('counts with a noun', () => {
  expect(count(1, 'snapshot')).toBe('1 snapshot');
  expect(count(12_345, 'snapshot')).toBe('12,345 snapshots');
  expect(count(2, 'entry', 'entries')).toBe('2 entries');
});

it('shows cells as text', () => {
  expect(cell(null)).toBe('');
  expect(cell(0.1 + 0.2)).toBe('0.3');
  expect(cell({ a: [1] })).toBe('{"a":[1]}');
});
