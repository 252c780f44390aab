import { useEffect, type RefObject } from 'react';

/** What scrolls by itself though nothing in it takes the focus: wide tables, charts beside their names. */
const scrolling = '.ant-table-content, .vis-vertical-scroll, .handbook-scroll, .table-scroll, .record-table-scroll';

/** Whatever scrolls inside `root` can be scrolled by the keyboard, in browsers too that do not see to it themselves. */
export function useReachable(root: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const place = root.current;
    if (!place) return undefined;
    let due = 0;
    const look = () => {
      due = 0;
      for (const one of place.querySelectorAll<HTMLElement>(scrolling)) {
        const over = one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight;
        if (over !== (one.tabIndex === 0)) one.tabIndex = over ? 0 : -1;
      }
    };
    const later = () => {
      due ||= window.setTimeout(look, 200);
    };
    const changes = new MutationObserver(later);
    changes.observe(place, { childList: true, subtree: true });
    const size = new ResizeObserver(later);
    size.observe(place);
    return () => {
      clearTimeout(due);
      changes.disconnect();
      size.disconnect();
    };
  }, [root]);
}
