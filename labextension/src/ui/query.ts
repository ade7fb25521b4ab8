/** The query language of snapshot lists, as far as its box needs to know it. */

export interface Hint {
  /** What the word becomes when the hint is taken. */
  insert: string;
  meaning: string;
}

const ALWAYS: Hint[] = [
  { insert: 'tag:', meaning: 'has the tag' },
  { insert: 'author:', meaning: 'made by' },
  { insert: 'run:', meaning: 'of the run' },
  { insert: 'failed:yes', meaning: 'the cell ended with an error' },
  { insert: 'failed:no', meaning: 'the cell ran through' }
];

export interface Known {
  metrics: readonly string[];
  tags: readonly string[];
  authors: readonly string[];
}

/** The word around the caret: where it starts and ends. */
export function wordAt(text: string, caret: number): [start: number, end: number] {
  const start = text.slice(0, caret).search(/\S*$/);
  const rest = text.slice(caret).search(/\s/);
  return [start, rest === -1 ? text.length : caret + rest];
}

/** What could stand where the caret is. */
export function hints(word: string, known: Known): Hint[] {
  const typed = word.toLowerCase();
  const all = [
    ...known.metrics.map(name => ({
      insert: `metric.${name}>`,
      meaning: 'metric above, below or equal'
    })),
    ...known.tags.map(tag => ({ insert: `tag:${quoted(tag)}`, meaning: 'has the tag' })),
    ...known.authors.map(name => ({ insert: `author:${quoted(name)}`, meaning: 'made by' })),
    ...ALWAYS
  ];
  const matching = all.filter(
    hint =>
      hint.insert.toLowerCase().startsWith(typed) ||
      (typed.length > 1 && hint.insert.toLowerCase().includes(typed))
  );
  return matching.filter(hint => hint.insert !== word).slice(0, 8);
}

function quoted(text: string): string {
  return /\s/.test(text) ? `"${text}"` : text;
}

/** The text with the word at the caret replaced; and where the caret goes. */
export function complete(text: string, caret: number, hint: Hint): [text: string, caret: number] {
  const [start, end] = wordAt(text, caret);
  const open = /[:>]$/.test(hint.insert);
  const inserted = hint.insert + (open ? '' : ' ');
  const rest = text.slice(end).trimStart();
  return [text.slice(0, start) + inserted + rest, start + inserted.length];
}

const UNFINISHED =
  /(^|\s)(metric\.\S*[<>=!]|metric\.[^\s<>=!]*|(tag|author|run|failed|name):|"[^"]*)$/i;

/** The query without a last term that is still being typed: nobody need hear that it is wrong. */
export function sendable(query: string): string {
  return query.replace(UNFINISHED, '').trim();
}
