import { useCallback, useRef, useState } from 'react';

/** Sends a form once: a second click, or Enter beside it, may come before `running` is drawn. */
export function useSubmission() {
  const [running, setRunning] = useState(false);
  const now = useRef(false);
  const run = useCallback(async (work: () => Promise<void>): Promise<void> => {
    if (now.current) return;
    now.current = true;
    setRunning(true);
    try {
      await work();
    } finally {
      now.current = false;
      setRunning(false);
    }
  }, []);
  return { running, run };
}
