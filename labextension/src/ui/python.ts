/** Enough of Python's grammar to colour it; never fails, never runs anything. */

export type TokenKind =
  | 'keyword'
  | 'constant'
  | 'builtin'
  | 'string'
  | 'comment'
  | 'number'
  | 'definition'
  | 'decorator'
  | 'magic'
  | 'plain';

export interface SourceToken {
  kind: TokenKind;
  text: string;
}

const KEYWORDS = new Set(
  (
    'and as assert async await break case class continue def del elif else except finally for from ' +
    'global if import in is lambda match nonlocal not or pass raise return try while with yield'
  ).split(' ')
);
// These are names in most places: only at the start of a statement do they read as keywords.
const SOFT = new Set(['match', 'case']);
const CONSTANTS = new Set(['True', 'False', 'None', 'NotImplemented', 'Ellipsis']);
const BUILTINS = new Set(
  (
    'abs all any bool bytes callable dict dir divmod enumerate filter float format frozenset getattr ' +
    'hasattr hash hex id input int isinstance issubclass iter len list map max min next object open ' +
    'ord pow print property range repr reversed round set setattr slice sorted staticmethod str sum ' +
    'super tuple type vars zip self cls'
  ).split(' ')
);

const PATTERN = new RegExp(
  [
    '(?<triple>[rRbBuUfFtT]{0,2}(?:"""[\\s\\S]*?(?:"""|$)|\'\'\'[\\s\\S]*?(?:\'\'\'|$)))',
    '(?<string>[rRbBuUfFtT]{0,2}(?:"(?:\\\\[\\s\\S]|[^"\\\\\\n])*(?:"|(?=\\n)|$)|\'(?:\\\\[\\s\\S]|[^\'\\\\\\n])*(?:\'|(?=\\n)|$)))',
    '(?<comment>#[^\\n]*)',
    '(?<magic>^[ \\t]*(?:%%?|!|\\?)[^\\n]*)',
    '(?<decorator>^[ \\t]*@[\\w.]+)',
    '(?<number>\\b(?:0[xXoObB][\\da-fA-F_]+|(?:\\d[\\d_]*\\.?[\\d_]*|\\.\\d[\\d_]*)(?:[eE][+-]?\\d+)?[jJ]?))',
    '(?<name>[\\p{L}_][\\p{L}\\p{N}_]*)',
    '(?<other>[^\\p{L}_\\d\'"#@%!?\\n]+|[\\s\\S])'
  ].join('|'),
  'gmu'
);

/** The tokens of a source, line by line; joined they give the source again. */
export function highlight(source: string): SourceToken[][] {
  const lines: SourceToken[][] = [[]];
  const add = (kind: TokenKind, text: string): void => {
    text.split('\n').forEach((part, index) => {
      if (index > 0) {
        lines.push([]);
      }
      if (part !== '') {
        lines[lines.length - 1]?.push({ kind, text: part });
      }
    });
  };
  let previousWord = '';
  let startsStatement = true;
  for (const match of source.matchAll(PATTERN)) {
    const groups = match.groups ?? {};
    const text = match[0];
    if (groups.triple !== undefined || groups.string !== undefined) {
      add('string', text);
    } else if (groups.comment !== undefined) {
      add('comment', text);
    } else if (groups.magic !== undefined) {
      add('magic', text);
    } else if (groups.decorator !== undefined) {
      add('decorator', text);
    } else if (groups.number !== undefined) {
      add('number', text);
    } else if (groups.name !== undefined) {
      add(kindOfName(text, previousWord, startsStatement, source, match.index + text.length), text);
      previousWord = text;
      startsStatement = false;
      continue;
    } else {
      add('plain', text);
      if (text.trim() === '') {
        startsStatement ||= text.includes('\n');
        continue;
      }
    }
    previousWord = text.endsWith('.') ? '.' : '';
    startsStatement = text.endsWith(':') && previousWord === '';
  }
  return lines;
}

function kindOfName(
  name: string,
  previous: string,
  startsStatement: boolean,
  source: string,
  end: number
): TokenKind {
  if (previous === '.') {
    return 'plain';
  }
  if (previous === 'def' || previous === 'class') {
    return 'definition';
  }
  if (SOFT.has(name)) {
    const rest = source.slice(end, end + 2);
    return startsStatement && /^ [^=.,)\]]/.test(rest) ? 'keyword' : 'plain';
  }
  if (KEYWORDS.has(name)) {
    return 'keyword';
  }
  if (CONSTANTS.has(name)) {
    return 'constant';
  }
  return BUILTINS.has(name) ? 'builtin' : 'plain';
}
