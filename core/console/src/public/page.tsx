import { useCallback, useEffect, useState } from 'react';
import { isColor, isLogo } from '../brand';
import { ask, Refused, type PublicForm, type PublicRecord, type ShownField } from './client';
import { PublicFormView } from './form';
import { languageNames, say, type PublicLanguage } from './messages';

type Loaded = PublicForm | PublicRecord;

interface PageProps {
  /** As resourceOf() gives it. */
  resource: string | undefined;
  language: PublicLanguage;
  onLanguage: (language: PublicLanguage) => void;
}

/** What is read best on the colour. */
export function textOn(color: string): '#fff' | '#000' {
  const part = (at: number) => {
    const value = parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  return 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 ? '#fff' : '#000';
}

/** A page for somebody without an account. */
export function PublicPage({ resource, language, onLanguage }: PageProps) {
  const [page, setPage] = useState<Loaded>();
  const [failure, setFailure] = useState<'nowhere' | 'failed'>();
  const [done, setDone] = useState<string>();
  const load = useCallback(async () => {
    setFailure(undefined);
    try {
      if (!resource) throw new Refused(404, '');
      setPage(await ask<Loaded>(resource, language));
    } catch (error) {
      setFailure(error instanceof Refused && error.status === 404 ? 'nowhere' : 'failed');
    }
  }, [resource, language]);
  useEffect(() => void load(), [load]);
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = page ? `${page.label} · ${page.agency.name}` : failure ? say(language, failure) : '';
    if (page && isColor(page.agency.color)) {
      document.documentElement.style.setProperty('--brand', page.agency.color);
      document.documentElement.style.setProperty('--on-brand', textOn(page.agency.color));
    }
  }, [page, failure, language]);
  return (
    <>
      <header>
        {page && isLogo(page.agency.logo) ? <img src={page.agency.logo} alt="" width={32} height={32} /> : null}
        <strong>{page?.agency.name}</strong>
        <select aria-label={say(language, 'language')} value={language} onChange={(event) => onLanguage(event.target.value as PublicLanguage)}>
          {Object.entries(languageNames).map(([code, name]) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        </select>
      </header>
      <main aria-busy={!page && !failure}>
        {failure ? (
          <section className="card" role="alert">
            <h1>{say(language, failure)}</h1>
            {failure === 'nowhere' ? <p>{say(language, 'nowhereAdvice')}</p> : null}
            {failure === 'failed' ? (
              <button type="button" onClick={() => void load()}>
                {say(language, 'again')}
              </button>
            ) : null}
          </section>
        ) : !page ? (
          <p role="status">{say(language, 'loading')}</p>
        ) : (
          <>
            <h1>{page.label}</h1>
            {page.text ? <p className="text">{page.text}</p> : null}
            {done !== undefined ? (
              <section className="card" role="status">
                <p>{done}</p>
                {page.type === 'form' || !page.once ? (
                  <button type="button" onClick={() => { setDone(undefined); void load(); }}>
                    {say(language, 'next')}
                  </button>
                ) : null}
              </section>
            ) : page.type === 'form' ? (
              <section className="card">
                <PublicFormView
                  fields={page.fields}
                  language={language}
                  action={resource ?? ''}
                  label={say(language, 'send')}
                  consent={page.consent}
                  onDone={(answer) => {
                    const number = (answer as { number?: string | null } | undefined)?.number;
                    setDone(number ? `${say(language, 'sent')} ${say(language, 'number', number)}` : say(language, 'sent'));
                  }}
                />
              </section>
            ) : (
              <RecordView page={page} language={language} resource={resource ?? ''} onDone={() => setDone(say(language, 'done'))} />
            )}
          </>
        )}
      </main>
    </>
  );
}

function Shown({ fields }: { fields: ShownField[] }) {
  return (
    <dl>
      {fields
        .filter((field) => field.text !== '')
        .map((field) => (
          <div key={field.name}>
            <dt>{field.label}</dt>
            <dd>{field.text}</dd>
          </div>
        ))}
    </dl>
  );
}

interface RecordProps {
  page: PublicRecord;
  language: PublicLanguage;
  resource: string;
  onDone: () => void;
}

function RecordView({ page, language, resource, onDone }: RecordProps) {
  const zone = page.agency.time_zone;
  const at = (text: string) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone, ...(language === 'en' ? {} : { hourCycle: 'h23' as const }) }).format(new Date(text));
  return (
    <>
      {page.fields.some((field) => field.text !== '') ? (
        <section className="card">
          <Shown fields={page.fields} />
        </section>
      ) : null}
      {page.history.length > 0 ? (
        <section className="card">
          <h2>{say(language, 'history')}</h2>
          <ol className="history">
            {page.history.map((moment) => (
              <li key={`${moment.at}${moment.label}`}>
                <strong>{moment.label}</strong> <time dateTime={moment.at}>{at(moment.at)}</time>
              </li>
            ))}
          </ol>
        </section>
      ) : null}
      {page.added.map((entry) => (
        <section className="card" key={`${entry.at}${entry.label}`}>
          <p className="when">
            <time dateTime={entry.at}>{at(entry.at)}</time>
          </p>
          <Shown fields={entry.fields} />
        </section>
      ))}
      {page.acts.map((act) => (
        <section className="card" key={act.name}>
          <h2>{act.label}</h2>
          <PublicFormView fields={act.fields} language={language} action={`${resource}/${encodeURIComponent(act.name)}`} label={say(language, 'send')} onDone={onDone} />
        </section>
      ))}
      <p className="when">{say(language, 'validUntil', at(page.expires_at))}</p>
    </>
  );
}
