import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { RecordData } from '../api/types';
import { expansion, fieldOf } from '../model';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { overlap, spanOf, type Range, type Span } from './days';
import { both, viewParameter, type ViewProps } from './types';

/** More than that nobody takes in at once. */
export const mostShown = 1000;
const pageSize = 200;

export interface Placed {
  record: RecordData;
  span: Span;
}

/** The records of a calendar or timeline in a range of days. */
export function useRangeRecords({ entity, view, q, filter }: ViewProps, range: Range) {
  const api = useApi();
  const { language } = useLanguage();
  const { locale } = useSession();
  const start = view.start ?? '';
  const instants = fieldOf(entity, start)?.type === 'instant';
  const condition = both(overlap({ start, end: view.end ?? undefined, instants }, range, locale.timeZone), filter);
  return useQuery({
    queryKey: ['list', entity.name, 'range', view.name, condition, q, language],
    queryFn: async ({ signal }) => {
      const items: RecordData[] = [];
      let after: string | undefined;
      do {
        const query = {
          view: viewParameter(view), filter: condition, sort: start, q: q || undefined, limit: pageSize, after,
          expand: expansion(entity, [...view.columns, ...(view.group ? [view.group] : []), ...(entity.title ? [entity.title] : [])]),
        };
        const page = await api.get('/records/{entity}', { path: { entity: entity.name }, query, signal });
        items.push(...page.items);
        after = page.next ?? undefined;
      } while (after && items.length < mostShown);
      const placed: Placed[] = [];
      for (const record of items) {
        const span = spanOf(record[start], view.end ? record[view.end] : undefined, instants, locale.timeZone);
        if (span) placed.push({ record, span });
      }
      return { placed, more: after !== undefined };
    },
    placeholderData: keepPreviousData,
  });
}
