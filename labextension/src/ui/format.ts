/** Numbers, sizes and times as people read them. All pure. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const counter = new Intl.NumberFormat('en-US');

/** Bytes in powers of 10: `44.6 MB`, `0 B`. */
export function bytes(size: number): string {
  let value = Math.max(0, size);
  let unit = 0;
  // 999.95 would be shown as 1000.0: it belongs to the next unit.
  while (value >= (unit === 0 ? 1000 : 999.95) && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A count with separators, and its noun: `1 snapshot`, `12,345 snapshots`. */
export function count(n: number, noun?: string, plural?: string): string {
  const digits = counter.format(n);
  return noun === undefined ? digits : `${digits} ${n === 1 ? noun : (plural ?? noun + 's')}`;
}

/** A metric: four significant digits, large and tiny ones in powers of ten; null is not a number. */
export function metric(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) {
    return 'nan';
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e15) {
    return minus(counter.format(value));
  }
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) {
    return minus(value.toExponential(3));
  }
  return minus(
    size >= 1000 ? counter.format(Number(value.toFixed(1))) : trimZeros(value.toPrecision(4))
  );
}

/** A difference with its sign: `+0.014`, `−0.02`, `±0`. */
export function change(difference: number): string {
  if (difference === 0) {
    return '±0';
  }
  // 0.912 - 0.898 is 0.01400000000000001: three digits say what changed.
  const rounded = Number(difference.toPrecision(3));
  return (rounded > 0 ? '+' : '') + metric(rounded);
}

function trimZeros(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}

function minus(digits: string): string {
  return digits.replace('-', '\u2212');
}

/** Seconds as people say them: `12 ms`, `3.4 s`, `2 min 5 s`, `1 h 4 min`. */
export function duration(seconds: number): string {
  if (seconds < 0.9995) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  if (seconds < 59.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
    whole % 60
  ];
  if (hours > 0) {
    return minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`;
  }
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

const STEPS: [limit: number, seconds: number, word: string][] = [
  [60, 1, 's'],
  [3600, 60, 'min'],
  [86_400, 3600, 'h'],
  [86_400 * 14, 86_400, 'd'],
  [86_400 * 60, 86_400 * 7, 'wk']
];

/** How long ago, short: `now`, `40 s`, `2 min`, `3 h`, `5 d`; far times as a date. */
export function ago(time: Date, now: Date): string {
  const seconds = (now.getTime() - time.getTime()) / 1000;
  if (seconds < 10) {
    // A clock that runs ahead by minutes is not "now": show the time itself.
    return seconds < -120 ? exactTime(time) : 'now';
  }
  for (const [limit, unit, word] of STEPS) {
    if (seconds < limit) {
      return `${Math.floor(seconds / unit)} ${word}`;
    }
  }
  return date(time);
}

/** How long until, short: `in 5 d`; past times as `expired`. */
export function until(time: Date, now: Date): string {
  const seconds = (time.getTime() - now.getTime()) / 1000;
  if (seconds <= 0) {
    return 'expired';
  }
  for (const [limit, unit, word] of STEPS) {
    if (seconds < limit) {
      return `in ${Math.max(1, Math.floor(seconds / unit))} ${word}`;
    }
  }
  return date(time);
}

const DATE = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const EXACT = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short'
});

export function date(time: Date): string {
  return DATE.format(time);
}

export function exactTime(time: Date): string {
  return EXACT.format(time);
}

/** A table's cell as text; what JSON has no number for is named. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) {
    return '';
  }
  if (typeof value === 'number') {
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}
