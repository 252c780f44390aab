import { useEffect } from 'react';

/** Sets the title of the browser's tab: the page, then the agency. */
export function useTitle(page: string | undefined, agency = 'Caravan'): void {
  useEffect(() => {
    document.title = page ? `${page} · ${agency}` : agency;
  }, [page, agency]);
}
