import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Console, createRouter } from './app';
import { initialLanguage, switchLanguage } from './i18n';

// No `await` outside of a function: the language's file needs this one, and would wait for it.
async function start(): Promise<void> {
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
}

void start();
