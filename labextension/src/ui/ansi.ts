/** Terminal colours as Python's tracebacks and progress bars write them; all else is dropped. */

export interface AnsiSpan {
  text: string;
  /** Index of one of the 8 base colours, or undefined. */
  colour?: number;
  bold?: boolean;
}

// Control sequences, operating system commands, and lone escapes.
// eslint-disable-next-line no-control-regex
const ESCAPE = /\u001b\[([0-9;:?]*)([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b./g;

/** Carriage returns write over the line, as a terminal shows it. */
export function overwrite(text: string): string {
  if (!text.includes('\r')) {
    return text;
  }
  return text
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map(line => {
      let shown = '';
      for (const part of line.split('\r')) {
        shown = part + shown.slice(part.length);
      }
      return shown;
    })
    .join('\n');
}

export function parseAnsi(text: string): AnsiSpan[] {
  const spans: AnsiSpan[] = [];
  let style: Omit<AnsiSpan, 'text'> = {};
  let end = 0;
  const push = (part: string): void => {
    if (part !== '') {
      spans.push({ text: part, ...style });
    }
  };
  for (const match of text.matchAll(ESCAPE)) {
    push(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[2] === 'm') {
      style = restyle(style, match[1] ?? '');
    }
  }
  push(text.slice(end));
  return spans;
}

function restyle(style: Omit<AnsiSpan, 'text'>, codes: string): Omit<AnsiSpan, 'text'> {
  let next = { ...style };
  const numbers = codes.split(/[;:]/).map(Number);
  for (let index = 0; index < numbers.length; index += 1) {
    const code = numbers[index] ?? 0;
    if (code === 0) {
      next = {};
    } else if (code === 1) {
      next.bold = true;
    } else if (code === 22) {
      next.bold = undefined;
    } else if (code >= 30 && code <= 37) {
      next.colour = code - 30;
    } else if (code >= 90 && code <= 97) {
      next.colour = code - 90;
    } else if (code === 38 || code === 48) {
      // 256 colours and true colours: their arguments are not codes.
      index += numbers[index + 1] === 5 ? 2 : 4;
    } else if (code === 39) {
      next.colour = undefined;
    }
  }
  return next;
}
