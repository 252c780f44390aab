import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { resourceOf } from './client';
import { languageOf } from './messages';
import { PublicPage } from './page';
import './style.css';

function Public() {
  const [language, setLanguage] = useState(() => languageOf(window.location.search, navigator.languages));
  return <PublicPage resource={resourceOf(window.location.pathname)} language={language} onLanguage={setLanguage} />;
}

const root = document.getElementById('root');
if (!root) throw new Error('public.html has no #root');
createRoot(root).render(
  <StrictMode>
    <Public />
  </StrictMode>,
);
