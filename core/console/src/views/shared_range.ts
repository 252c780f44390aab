import { createContext } from 'react';

export type Unit = 'week' | 'month' | 'quarter' | 'year';

/** The days that timelines show. */
export interface LaneRange {
  unit: Unit;
  first: string;
}

/** Timelines of a page stand below each other on the same days; undefined until somebody has chosen them. */
export const SharedRange = createContext<{ range: LaneRange | undefined; set: (range: LaneRange) => void } | null>(null);
