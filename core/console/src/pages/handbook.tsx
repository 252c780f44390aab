import PrinterOutlined from '@ant-design/icons/es/icons/PrinterOutlined';
import ReadOutlined from '@ant-design/icons/es/icons/ReadOutlined';
import { useQuery } from '@tanstack/react-query';
import { Button, Skeleton } from 'antd';
import { Fragment, useEffect, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation, useSearchParams } from 'react-router';
import type { Handbook, HandbookSection } from '../api/types';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { Line, PartsContext, Section } from '../handbook/section';
import { partPath, partsById } from '../handbook/parts';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useTitle } from '../use_title';

/** The operating manual that the definitions make, a part at a time. */
export default function HandbookPage() {
  const { t } = useTranslation();
  const api = useApi();
  const { language } = useLanguage();
  const { model } = useSession();
  const book = useQuery({
    queryKey: ['handbook', language, model.hash],
    queryFn: ({ signal }) => api.get('/handbook', { signal, query: { locale: language } }),
    staleTime: 300_000,
  });
  useTitle(t('handbook.title'), model.agency.name);
  if (book.isError && !book.isFetching) return <LoadError error={book.error} onRetry={() => void book.refetch()} />;
  const actions = (
    <>
      <Button icon={<PrinterOutlined aria-hidden />} onClick={() => window.print()}>
        {t('handbook.print')}
      </Button>
      <Button icon={<ReadOutlined aria-hidden />} href={`/api/v1/handbook?format=html&locale=${language}`} target="_blank" rel="noopener">
        {t('handbook.whole')}
      </Button>
    </>
  );
  return (
    <div className="page handbook">
      <PageHead title={t('handbook.title')} actions={actions} />
      {book.data ? <Book book={book.data} /> : <Skeleton active paragraph={{ rows: 12 }} />}
    </div>
  );
}

function Book({ book }: { book: Handbook }) {
  const [search] = useSearchParams();
  const { hash } = useLocation();
  const parts = useMemo(() => partsById(book.sections), [book]);
  const wanted = search.get('part') ?? book.sections[0]?.id;
  const part = book.sections.find((one) => one.id === wanted) ?? book.sections[0];
  useEffect(() => {
    const target = hash ? document.getElementById(decodeURIComponent(hash.slice(1))) : null;
    if (target) target.scrollIntoView?.({ block: 'start' });
    else window.scrollTo?.(0, 0);
  }, [hash, part]);
  if (!part) return null;
  return (
    <PartsContext value={parts}>
      <div className="handbook-columns">
        <nav className="panel handbook-contents" aria-label={book.contents}>
          <h2>{book.contents}</h2>
          <ul>
            {book.sections.map((one) => (
              <Entry key={one.id} section={one} current={one === part} />
            ))}
          </ul>
        </nav>
        <article className="panel handbook-part">
          <Section section={part} level={2} inWords={book.in_words} />
        </article>
      </div>
    </PartsContext>
  );
}

function Entry({ section, current }: { section: HandbookSection; current: boolean }) {
  return (
    <li>
      <Link to={partPath(section.id)} aria-current={current ? 'page' : undefined}>
        <Line line={section.title} plain />
      </Link>
      {current && section.sections.length > 0 && (
        <ul>
          {section.sections.map((one) => (
            <Fragment key={one.id}>
              <li>
                <Link to={partPath(section.id, one.id)}>
                  <Line line={one.title} plain />
                </Link>
              </li>
            </Fragment>
          ))}
        </ul>
      )}
    </li>
  );
}
