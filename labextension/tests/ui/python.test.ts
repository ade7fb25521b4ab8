import { describe, expect, it } from 'vitest';

import { changedLines } from '../../src/ui/lines';
import { highlight } from '../../src/ui/python';

const joined = (source: string): string =>
  highlight(source)
    .map(line => line.map(token => token.text).join(''))
    .join('\n');
const kinds = (source: string): Record<string, string> =>
  Object.fromEntries(highlight(source).flatMap(line => line.map(({ text, kind }) => [text, kind])));

describe('highlighting', () => {
  it.each([
    'def f(x):\n    return x # done',
    '%%snapshot a b\n!ls\n?help',
    'x = """a\n"b" \'c\'\n"""\ny = 1',
    "unclosed = \"abc\nnext = '''still open",
    "r'\\d' f\"{x!r}\" b'\\x00'",
    'größe = 3.5e-7 + 0xFFj\n@decorate.me\nclass A: pass',
    '',
    '\n\n',
    '\u202e hidden',
    'emoji = "😀"; 名前 = 1'
  ])('keeps every character of %j', source => expect(joined(source)).toBe(source));

  it('knows the words', () => {
    expect(kinds('def fit(frame): return len(frame)')).toMatchObject({
      def: 'keyword',
      fit: 'definition',
      return: 'keyword',
      len: 'builtin'
    });
    expect(kinds('frame.filter(None)')).toMatchObject({ filter: 'plain', None: 'constant' });
    expect(kinds('match = re.match(x)')).toMatchObject({ match: 'plain' });
    expect(kinds('%%snapshot x\na')['%%snapshot x']).toBe('magic');
    expect(kinds('a % b')).not.toHaveProperty('% b');
  });

  it('stays quick on long hostile lines', () => {
    const start = performance.now();
    highlight(`${'"\\'.repeat(20_000)}\n${'('.repeat(50_000)}`);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('changed lines', () => {
  it('marks what is new, not what moved along', () => {
    expect(changedLines('a\nb\nc', 'a\nx\nb\nc')).toEqual([false, true, false, false]);
    expect(changedLines('a\nb\nc', 'a\nc')).toEqual([false, false]);
    expect(changedLines('a', 'a')).toEqual([false]);
    expect(changedLines('', 'a\nb')).toEqual([true, true]);
  });

  it('handles sources that are too long for a table', () => {
    const old = Array.from({ length: 3000 }, (_, n) => `old ${n}`).join('\n');
    const now = Array.from({ length: 3000 }, (_, n) => (n === 5 ? 'old 5' : `new ${n}`)).join('\n');
    expect(changedLines(old, now).filter(changed => !changed)).toHaveLength(1);
  });
});
