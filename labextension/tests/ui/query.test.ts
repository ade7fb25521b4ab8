import { describe, expect, it } from 'vitest';

import { complete, hints, sendable, wordAt } from '../../src/ui/query';

const known = { metrics: ['acc', 'loss'], tags: ['baseline', 'two words'], authors: ['ana'] };

describe('hints', () => {
  it('offers metrics first, then tags and the language', () => {
    expect(hints('', known).map(hint => hint.insert)).toEqual([
      'metric.acc>',
      'metric.loss>',
      'tag:baseline',
      'tag:"two words"',
      'author:ana',
      'tag:',
      'author:',
      'run:'
    ]);
    expect(hints('met', known).map(hint => hint.insert)).toEqual(['metric.acc>', 'metric.loss>']);
    expect(hints('fail', known).map(hint => hint.insert)).toEqual(['failed:yes', 'failed:no']);
    expect(hints('nothing-like-it', known)).toEqual([]);
  });

  it('replaces the word at the caret only', () => {
    expect(wordAt('one tw three', 6)).toEqual([4, 6]);
    expect(complete('one tag three', 6, { insert: 'tag:x', meaning: '' })).toEqual([
      'one tag:x three',
      10
    ]);
    expect(complete('met', 3, { insert: 'metric.acc>', meaning: '' })).toEqual(['metric.acc>', 11]);
  });
});

it.each([
  ['clean metric.acc>', 'clean'],
  ['clean metric.acc>0.9', 'clean metric.acc>0.9'],
  ['tag:', ''],
  ['run:RUN-3', 'run:RUN-3'],
  ['"two wo', ''],
  ['metric.ac', ''],
  ['metric.acc>=', ''],
  ['  words  ', 'words']
])('a query that is being typed (%j) is asked as %j', (typed, asked) => {
  expect(sendable(typed)).toBe(asked);
});
