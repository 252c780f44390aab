import { useSyncExternalStore } from 'react';

/** What the user wants; `system` follows the machine. */
export type Appearance = 'system' | 'light' | 'dark';
export const appearances: readonly Appearance[] = ['system', 'light', 'dark'];

const storageKey = 'caravan.appearance';
const listeners = new Set<() => void>();
const darkSystem = () => window.matchMedia('(prefers-color-scheme: dark)');

let wanted: Appearance | undefined;

function stored(): Appearance {
  try {
    const found = localStorage.getItem(storageKey);
    return found === 'light' || found === 'dark' ? found : 'system';
  } catch {
    return 'system'; // storage may be forbidden
  }
}

const current = (): Appearance => (wanted ??= stored());

export function setAppearance(next: Appearance): void {
  wanted = next;
  try {
    if (next === 'system') localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, next);
  } catch {
    // the choice then lasts until the page is left
  }
  listeners.forEach((listener) => listener());
}

const isDark = () => current() === 'dark' || (current() === 'system' && darkSystem().matches);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  const system = darkSystem();
  system.addEventListener('change', listener);
  return () => {
    listeners.delete(listener);
    system.removeEventListener('change', listener);
  };
}

/** Whether the page is dark now. */
export const useDark = (): boolean => useSyncExternalStore(subscribe, isDark);
export const useAppearance = (): Appearance => useSyncExternalStore(subscribe, current);
