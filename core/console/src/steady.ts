import { useEffect, useReducer, useRef } from 'react';

/** Nobody presses longer than that; a release outside of the window may never be told. In milliseconds. */
const longestPress = 2000;

let pressed = false;
let timer: ReturnType<typeof setTimeout> | undefined;
const waiting = new Set<() => void>();

function release(): void {
  clearTimeout(timer);
  pressed = false;
  const calls = [...waiting];
  waiting.clear();
  for (const call of calls) call();
}

if (typeof window !== 'undefined') {
  window.addEventListener('pointerdown', () => {
    clearTimeout(timer);
    pressed = true;
    timer = setTimeout(release, longestPress);
  }, true);
  // The click comes right after the release, so what waited comes after that.
  for (const end of ['pointerup', 'pointercancel', 'blur']) window.addEventListener(end, () => pressed && setTimeout(release), true);
}

/**
 * What came from the server, but while a button of the mouse or a finger is down, what was shown before: a click begins
 * and ends at the same place of the page, so nothing may move away from under it. For values that come by themselves.
 */
export function useSteady<T>(value: T): T {
  const shown = useRef(value);
  const [, again] = useReducer((count: number) => count + 1, 0);
  if (!pressed) shown.current = value;
  const late = shown.current !== value;
  useEffect(() => {
    if (!late) return undefined;
    if (!pressed) {
      again();
      return undefined;
    }
    waiting.add(again);
    return () => {
      waiting.delete(again);
    };
  }, [late]);
  return shown.current;
}
