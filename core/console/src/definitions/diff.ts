/** A line of a comparison: kept, taken away or added. */
export interface DiffLine {
  kind: 'same' | 'old' | 'new';
  text: string;
  oldLine?: number;
  newLine?: number;
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

/**
 * The shortest way from one text to another by whole lines (longest common subsequence). Where both are very long what is between
 * their common beginning and end counts as replaced.
 */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = linesOf(before), b = linesOf(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const out: DiffLine[] = [];
  const same = (i: number, j: number) => out.push({ kind: 'same', text: a[i]!, oldLine: i + 1, newLine: j + 1 });
  for (let i = 0; i < head; i += 1) same(i, i);
  const n = a.length - head - tail, m = b.length - head - tail;
  if (n * m <= 4_000_000) {
    const width = m + 1;
    const length = new Uint32Array((n + 1) * width);
    for (let i = n - 1; i >= 0; i -= 1) {
      for (let j = m - 1; j >= 0; j -= 1) {
        length[i * width + j] = a[head + i] === b[head + j] ? length[(i + 1) * width + j + 1]! + 1 : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!);
      }
    }
    let i = 0, j = 0;
    while (i < n || j < m) {
      if (i < n && j < m && a[head + i] === b[head + j]) {
        same(head + i, head + j);
        i += 1;
        j += 1;
      } else if (i < n && (j >= m || length[(i + 1) * width + j]! >= length[i * width + j + 1]!)) {
        out.push({ kind: 'old', text: a[head + i]!, oldLine: head + i + 1 });
        i += 1;
      } else {
        out.push({ kind: 'new', text: b[head + j]!, newLine: head + j + 1 });
        j += 1;
      }
    }
  } else {
    for (let i = 0; i < n; i += 1) out.push({ kind: 'old', text: a[head + i]!, oldLine: head + i + 1 });
    for (let j = 0; j < m; j += 1) out.push({ kind: 'new', text: b[head + j]!, newLine: head + j + 1 });
  }
  for (let i = tail; i > 0; i -= 1) same(a.length - i, b.length - i);
  return out;
}

/** Runs of lines that did not change, longer than twice `around`, as the number of lines left out. */
export function folded(lines: readonly DiffLine[], around = 3): (DiffLine | number)[] {
  const out: (DiffLine | number)[] = [];
  for (let i = 0; i < lines.length; ) {
    let end = i;
    while (end < lines.length && lines[end]!.kind === 'same') end += 1;
    if (end === i) {
      out.push(lines[i]!);
      i += 1;
      continue;
    }
    const head = i === 0 ? 0 : around, tail = end === lines.length ? 0 : around;
    if (end - i > head + tail + 1) {
      out.push(...lines.slice(i, i + head), end - i - head - tail, ...lines.slice(end - tail, end));
    } else out.push(...lines.slice(i, end));
    i = end;
  }
  return out;
}
