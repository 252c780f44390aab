import { askEarly } from './early';
import { initialLanguage } from './i18n/language';

const language = initialLanguage();
// Nobody is told that he is not signed in twice: the model is asked for when it is known that somebody is.
void askEarly('/api/v1/me', language).then(
  (answer) => {
    if (answer.ok) void askEarly(`/api/v1/model?locale=${language}`, language).catch(() => undefined);
  },
  () => undefined, // who takes it is told
);
// The page that is gone to comes along with the frame.
if (/^\/records\/[^/]+$/.test(location.pathname)) void Promise.all([import('./layout/shell'), import('./pages/list')]);
void import('./main');
