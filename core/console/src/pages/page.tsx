import { Empty, Skeleton } from 'antd';
import { lazy, Suspense, useMemo, useRef, useState, type CSSProperties, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { ApiError } from '../api/client';
import type { Block } from '../api/types';
import { ChartBlock } from '../blocks/chart_block';
import { ListBlock } from '../blocks/list_block';
import { LeaveGuard } from '../components/leave_guard';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { useWatch } from '../live';
import { listPath } from '../paths';
import { useSession } from '../session';
import { useTitle } from '../use_title';
import { RecordView } from '../views/record_view';
import { SharedRange, type LaneRange } from '../views/shared_range';

const Markdown = lazy(() => import('../blocks/markdown'));
const ButtonBlock = lazy(() => import('../blocks/button_block'));
const WorkBlock = lazy(() => import('../blocks/work_block'));
const FormBlock = lazy(() => import('../blocks/form_block'));

/** The page of blocks in the address. */
export default function BlockPage() {
  const { page: name = '' } = useParams();
  return <Blocks key={name} name={name} />;
}

function Blocks({ name }: { name: string }) {
  const { t } = useTranslation();
  const [dirty, setDirty] = useState<Record<string, boolean>>({});
  const released = useRef(false);
  const [range, setRange] = useState<LaneRange>();
  const shared = useMemo(() => ({ range, set: setRange }), [range]);
  const { model } = useSession();
  const page = Object.hasOwn(model.pages, name) ? model.pages[name] : undefined;
  useTitle(page?.label, model.agency.name);
  if (!page) return <LoadError error={new ApiError(404, {})} onRetry={() => undefined} notFound={t('page.missing')} />;
  return (
    <div className="page">
      <PageHead title={page.label} />
      {page.blocks.length === 0 && <Empty description={t('page.noBlocks')} />}
      <SharedRange value={shared}>
      <div className="blocks">
        {page.blocks.map((block) => (
          <section key={block.name} className={`panel block block-${block.type}`} style={{ '--width': block.width } as CSSProperties}>
            {block.entity && <Watch entity={block.entity} />}
            <BlockBody block={block} onDirty={(now) => setDirty((all) => ({ ...all, [block.name]: now }))} />
          </section>
        ))}
      </div>
      </SharedRange>
      <LeaveGuard dirty={Object.values(dirty).includes(true)} released={released} />
    </div>
  );
}

/** What a block shows is loaded again when it changes. */
function Watch({ entity }: { entity: string }) {
  useWatch(entity);
  return null;
}

function BlockBody({ block, onDirty }: { block: Block; onDirty: (dirty: boolean) => void }) {
  const { t } = useTranslation();
  const { model } = useSession();
  const entity = block.entity ? model.entities[block.entity] : undefined;
  const heading = (label: string, aside?: ReactNode) =>
    (label || aside) && (
      <div className="block-head">
        <h2>{label}</h2>
        {aside}
      </div>
    );
  const wait = <Skeleton active title={false} paragraph={{ rows: 4, width: '100%' }} />;
  if (block.type === 'markdown') {
    return (
      <>
        {heading(block.label)}
        <Suspense fallback={wait}>
          <Markdown text={block.text ?? ''} />
        </Suspense>
      </>
    );
  }
  if (!entity) return null;
  if (block.type === 'chart') return <ChartBlock entity={entity} block={block} heading={(aside) => heading(block.label || entity.plural || entity.label, aside)} />;
  if (block.type === 'button') {
    const form = entity.forms.find((one) => one.name === block.form);
    return form ? (
      <Suspense fallback={wait}>
        <ButtonBlock entity={entity} form={form} name={block.name} label={block.label || t('list.create', { entity: entity.label })} />
      </Suspense>
    ) : null;
  }
  if (block.type === 'form') {
    const form = entity.forms.find((one) => one.name === block.form);
    return form ? (
      <>
        {heading(block.label || t('list.create', { entity: entity.label }))}
        <Suspense fallback={wait}>
          <FormBlock entity={entity} form={form} name={block.name} onDirty={onDirty} />
        </Suspense>
      </>
    ) : null;
  }
  const view = entity.views.find((one) => one.name === block.view);
  if (!view) return null;
  if (block.type === 'work') {
    return (
      <>
        {heading(block.label || view.label, <Link to={listPath(entity.name, view.name)}>{t('view.openAll')}</Link>)}
        <Suspense fallback={wait}>
          <WorkBlock entity={entity} view={view} />
        </Suspense>
      </>
    );
  }
  return (
    <>
      {heading(block.label || view.label, <Link to={listPath(entity.name, view.name)}>{t('view.openAll')}</Link>)}
      {view.type === 'list' ? <ListBlock entity={entity} view={view} /> : <RecordView type={view.type} entity={entity} view={view} />}
    </>
  );
}
