import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Console, createRouter } from './app';
import { initialLanguage, switchLanguage } from './i18n';
import './style.css';

const language = initialLanguage();
await switchLanguage(language);
const router = createRouter();
const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <Console language={language} router={router} />
  </StrictMode>,
);
