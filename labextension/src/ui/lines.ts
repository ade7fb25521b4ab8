/** Which lines of a text are new: a line diff for marking, exact and bounded. */

const LARGEST_TABLE = 4_000_000;

/** For each line of `after`: whether it is not in `before` at its place (longest common subsequence). */
export function changedLines(before: string, after: string): boolean[] {
  const old = before.split('\n');
  const now = after.split('\n');
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) {
    head += 1;
  }
  let tail = 0;
  while (
    tail < old.length - head &&
    tail < now.length - head &&
    old[old.length - 1 - tail] === now[now.length - 1 - tail]
  ) {
    tail += 1;
  }
  const a = old.slice(head, old.length - tail);
  const b = now.slice(head, now.length - tail);
  const middle =
    a.length * b.length > LARGEST_TABLE ? b.map(line => !a.includes(line)) : notCommon(a, b);
  return now.map((_, index) =>
    index < head || index >= now.length - tail ? false : (middle[index - head] ?? false)
  );
}

function notCommon(a: string[], b: string[]): boolean[] {
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => longest[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const changed = b.map(() => true);
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      changed[j] = false;
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      i += 1;
    } else {
      j += 1;
    }
  }
  return changed;
}
