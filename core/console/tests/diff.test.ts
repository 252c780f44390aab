import { describe, expect, it } from 'vitest';
import { diffLines, folded } from '../src/definitions/diff';

const shown = (before: string, after: string) => diffLines(before, after).map((line) => `${line.kind === 'old' ? '-' : line.kind === 'new' ? '+' : ' '}${line.text}`);

describe('the lines of two texts', () => {
  it('are kept, taken away and added in the shortest way', () => {
    expect(shown('a\nb\nc\n', 'a\nx\nc\nd\n')).toEqual([' a', '-b', '+x', ' c', '+d']);
    expect(shown('', 'a\n')).toEqual(['+a']);
    expect(shown('a\n', '')).toEqual(['-a']);
    expect(shown('a\nb', 'a\nb\n')).toEqual([' a', ' b']);
    expect(shown('', '')).toEqual([]);
  });
  it('have numbers on both sides', () => {
    expect(diffLines('a\nb\n', 'x\nb\n').at(-1)).toEqual({ kind: 'same', text: 'b', oldLine: 2, newLine: 2 });
  });
  it('make both texts again, whatever they are', () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    for (let turn = 0; turn < 200; turn += 1) {
      const text = () => Array.from({ length: random(12) }, () => 'abcd'[random(4)]).join('\n');
      const before = text(), after = text();
      const lines = diffLines(before, after);
      const side = (kind: 'old' | 'new') => lines.filter((line) => line.kind === 'same' || line.kind === kind).map((line) => line.text).join('\n');
      expect([side('old'), side('new')]).toEqual([before, after]);
    }
  });
  it('are folded where nothing changed for long', () => {
    const before = Array.from({ length: 30 }, (_, i) => `l${i}`).join('\n');
    const parts = folded(diffLines(before, before.replace('l15', 'x')), 2);
    expect(parts.filter((one) => typeof one === 'number')).toEqual([13, 12]);
    expect(parts).toHaveLength(2 + 2 + 2 + 2);
    expect(folded(diffLines('a\nb', 'a\nb'))).toEqual([2]);
  });
});
