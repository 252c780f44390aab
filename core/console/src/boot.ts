import { bodyOf } from './api/body';
import { apiBase, target } from './api/target';
import type { Model } from './api/types';
import { askEarly } from './early';
import { bundles } from './i18n/bundles';
import { initialLanguage } from './i18n/language';
import { listOfAddress, pageRequest } from './list_request';
import './antd.css';
import './style.css';

// Nothing of the console is needed for this file (vite.config.ts keeps it so): what comes over the network is all under way
// before the first line of it is compiled.

const language = initialLanguage();

/** Who is signed in, then the model, then the first records of the list that is gone to. */
async function ask(): Promise<void> {
  // Nobody is told that he is not signed in twice: the model is asked for when it is known that somebody is.
  if (!(await askEarly(`${apiBase}/me`, language)).ok) return;
  const answer = await askEarly(target(`${apiBase}/model`, { query: { locale: language } }), language);
  const { value } = await bodyOf(answer);
  const list = answer.ok && value !== undefined ? listOfAddress(value as Model, location) : undefined;
  if (list) await askEarly(target(`${apiBase}/records/{entity}`, { path: { entity: list.entity.name }, query: pageRequest(list.entity, list.view, list.state) }), language);
}

/** The files of the page that is gone to come along with those of the frame. */
const pages: [RegExp, () => Promise<unknown>][] = [
  [/^\/records\/[^/]+$/, () => import('./pages/list')],
  [/^\/records\/[^/]+\/\d+$/, () => import('./pages/record')],
  [/^\/$/, () => import('./pages/home')],
];

/** Who needs it asks again, and is told what went wrong. */
const ahead = (coming: Promise<unknown>) => void coming.catch(() => undefined);

ahead(ask());
ahead(bundles[language]());
const page = pages.find(([path]) => path.test(location.pathname));
if (page) ahead(Promise.all([import('./layout/shell'), page[1]()]));
void import('./main');
