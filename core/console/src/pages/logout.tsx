import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { Navigate, useLocation } from 'react-router';
import { ApiError } from '../api/client';
import { FullPageSpin, LoadError } from '../components/load_state';
import { useApi } from '../services';
import { setUser } from '../session';

/** Ends the session. Only from the console's own menu: a foreign link to this address signs nobody out. */
export default function LogoutPage() {
  const api = useApi();
  const queries = useQueryClient();
  const location = useLocation();
  const confirmed = (location.state as { confirmed?: boolean } | null)?.confirmed === true;
  const [result, setResult] = useState<{ error?: unknown } | null>(null);
  const [attempt, setAttempt] = useState(0);
  const started = useRef(-1);

  useEffect(() => {
    if (!confirmed || started.current === attempt) return;
    started.current = attempt;
    setResult(null);
    api
      .delete('/session')
      .catch((error: unknown) => {
        // Already signed out is signed out.
        if (!(error instanceof ApiError && error.status === 401)) throw error;
      })
      .then(
        () => {
          api.remember(undefined);
          queries.clear();
          setUser(queries, null);
          setResult({});
        },
        (error: unknown) => setResult({ error }),
      );
  }, [api, queries, confirmed, attempt]);

  if (!confirmed) return <Navigate to="/" replace />;
  if (!result) return <FullPageSpin />;
  if (result.error) return <LoadError error={result.error} onRetry={() => setAttempt(attempt + 1)} />;
  return <Navigate to="/login" replace />;
}
