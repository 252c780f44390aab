import { useCallback, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { useTranslation } from 'react-i18next';

/** Widths of columns in pixels, by field; a column that is not named takes what it needs. */
export type Widths = Record<string, number>;

const least = 60, most = 900, step = 16;
const key = (entity: string) => `caravan.widths.${entity}`;
const bounded = (width: number) => Math.round(Math.min(most, Math.max(least, width)));

function stored(entity: string): Widths {
  try {
    const found = JSON.parse(localStorage.getItem(key(entity)) ?? '{}') as Record<string, unknown>;
    return Object.fromEntries(Object.entries(found).flatMap(([name, width]) => (typeof width === 'number' ? [[name, bounded(width)]] : [])));
  } catch {
    return {};
  }
}

/** The widths that this browser keeps for an entity's list. */
export function useWidths(entity: string): [Widths, (widths: Widths) => void] {
  const [widths, setWidths] = useState(() => stored(entity));
  const put = useCallback(
    (next: Widths) => {
      setWidths(next);
      try {
        localStorage.setItem(key(entity), JSON.stringify(next));
      } catch {
        // they then last until the page is left
      }
    },
    [entity],
  );
  return [widths, put];
}

interface Sizing {
  label: string;
  width: number | undefined;
  onWidth: (width: number) => void;
}

/** The edge of a column: it is dragged, or moved by the arrow keys. */
export function Edge({ label, width, onWidth }: Sizing) {
  const { t } = useTranslation();
  const from = useRef<{ x: number; width: number } | null>(null);
  const own = (target: EventTarget & HTMLElement) => width ?? target.closest('th')?.getBoundingClientRect().width ?? least;
  const begin = (event: PointerEvent<HTMLSpanElement>) => {
    event.preventDefault();
    event.stopPropagation();
    from.current = { x: event.clientX, width: own(event.currentTarget) };
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent<HTMLSpanElement>) => {
    if (from.current) onWidth(bounded(from.current.width + event.clientX - from.current.x));
  };
  const end = () => {
    from.current = null;
  };
  const press = (event: KeyboardEvent<HTMLSpanElement>) => {
    const by = event.key === 'ArrowRight' ? step : event.key === 'ArrowLeft' ? -step : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    onWidth(bounded(own(event.currentTarget) + by));
  };
  return (
      <span
        className="column-edge"
        role="separator"
        aria-orientation="vertical"
        aria-label={t('columns.width', { label })}
        aria-valuenow={width ?? 0}
        aria-valuemin={least}
        aria-valuemax={most}
        tabIndex={0}
        onPointerDown={begin}
        onPointerMove={move}
        onPointerUp={end}
        onPointerCancel={end}
        onClick={(event) => event.stopPropagation()}
        onKeyDown={press}
      />
  );
}
