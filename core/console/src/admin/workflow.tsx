import { useQuery } from '@tanstack/react-query';
import { Background, BaseEdge, Controls, Handle, MarkerType, Position, ReactFlow, type Edge, type EdgeProps, type Node, type NodeProps, type Viewport } from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { Empty, Select, Skeleton, Tabs, Tag } from 'antd';
import { lazy, Suspense, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useSearchParams } from 'react-router';
import type { Entity, HandbookChart, HandbookEdge, HandbookSection, ModelTransition } from '../api/types';
import { useDark } from '../appearance';
import { LoadError } from '../components/load_state';
import { partsById } from '../handbook/parts';
import { PartsContext, Section as HandbookPart } from '../handbook/section';
import { listPath } from '../paths';
import { usePinyinFilter } from '../pinyin';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useWatch } from '../live';
import { AdminPage } from './parts';

const Overlay = lazy(() => import('../definitions/overlay'));
const Standing = lazy(() => import('../definitions/standing'));

interface StateData extends Record<string, unknown> {
  label: string;
  category: string;
  count: number | undefined;
  initial: boolean;
  /** The handbook says how large it is. */
  laid: boolean;
}
type StateNode = Node<StateData, 'state'>;

/** A state in the diagram, with how many records are in it. */
function State({ data }: NodeProps<StateNode>) {
  return (
    <div className={`flow-state flow-state-${data.category}${data.initial ? ' flow-initial' : ''}${data.laid ? ' flow-laid' : ''}`}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <span>{data.label}</span>
      {data.count !== undefined && <strong className="flow-count">{data.count}</strong>}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

interface StepData extends Record<string, unknown> {
  step: string;
  /** Its way where the handbook has laid it out. */
  way?: HandbookEdge;
}
type StepEdge = Edge<StepData>;

/** A step on the way that the handbook has laid out, past states and other steps' names. */
function Way({ id, data, markerEnd }: EdgeProps<StepEdge>) {
  const way = data?.way;
  if (!way) return null;
  return (
    <>
      <BaseEdge id={id} path={way.points.map((point, index) => `${index ? 'L' : 'M'}${point.join(' ')}`).join('')} interactionWidth={14} {...(markerEnd ? { markerEnd } : {})} {...(way.dashed ? { style: { strokeDasharray: '5 4' } } : {})} />
      {way.lines.map((line, index) => (
        <text key={index} className="flow-way" x={way.label_x} y={way.label_y - 13 * (way.lines.length - 1 - index)}>
          {line}
        </text>
      ))}
    </>
  );
}

const nodeTypes = { state: State };
const edgeTypes = { way: Way };
const columnWidth = 230, rowHeight = 92;

/** The chart that the handbook lays out for an entity, wherever it stands in it. */
function chartOf(sections: readonly HandbookSection[], id: string): HandbookChart | undefined {
  for (const section of sections) {
    const found = section.id === id ? section.blocks.find((block) => block.chart)?.chart : chartOf(section.sections, id);
    if (found) return found;
  }
  return undefined;
}

function sectionOf(sections: readonly HandbookSection[], id: string): HandbookSection | undefined {
  for (const section of sections) {
    const found = section.id === id ? section : sectionOf(section.sections, id);
    if (found) return found;
  }
  return undefined;
}

/** Where states stand where the handbook has not laid them out: by their distance from the first. */
function placesOf(entity: Entity): Map<string, { x: number; y: number }> {
  const depth = new Map<string, number>([[entity.initial ?? entity.states[0]?.name ?? '', 0]]);
  for (let turn = 0; turn < entity.states.length; turn += 1) {
    for (const step of entity.transitions) {
      const from = Math.min(...step.from.map((name) => depth.get(name) ?? Infinity));
      if (Number.isFinite(from) && !depth.has(step.to)) depth.set(step.to, from + 1);
    }
  }
  const filled = new Map<number, number>();
  return new Map(
    entity.states.map((state) => {
      const column = depth.get(state.name) ?? 0;
      const row = filled.get(column) ?? 0;
      filled.set(column, row + 1);
      return [state.name, { x: column * columnWidth, y: row * rowHeight }];
    }),
  );
}

const margin = 14, readable = 0.75;

/** As large as there is room for, but no smaller than can be read: then from its beginning. */
function viewportOf(chart: HandbookChart, width: number, height: number): Viewport {
  const fitting = Math.min((width - 2 * margin) / chart.width, (height - 2 * margin) / chart.height);
  const zoom = Math.min(1, Math.max(readable, fitting));
  return { zoom, x: Math.max(margin, (width - chart.width * zoom) / 2), y: Math.max(margin, (height - chart.height * zoom) / 2) };
}

/** The running definition of a workflow as a diagram: states with their numbers, steps, and who may take them. */
export default function WorkflowPage() {
  const { t } = useTranslation();
  const { model } = useSession();
  const pinyin = usePinyinFilter();
  const [params, setParams] = useSearchParams();
  const entities = Object.values(model.entities).filter((entity) => entity.states.length > 0);
  const entity = entities.find((one) => one.name === params.get('entity')) ?? entities.find((one) => one.module !== 'core') ?? entities[0];
  return (
    <AdminPage
      title={t('workflow.title')}
      actions={
        entity && (
          <Select
            className="wide-select"
            aria-label={t('workflow.choose')}
            showSearch={{ filterOption: pinyin }}
            value={entity.name}
            options={entities.map((one) => ({ value: one.name, label: one.label }))}
            onChange={(name: string) => setParams({ entity: name })}
          />
        )
      }
    >
      {entity ? <Workflow key={entity.name} entity={entity} /> : <Empty description={t('workflow.none')} />}
    </AdminPage>
  );
}

function Workflow({ entity }: { entity: Entity }) {
  const { t } = useTranslation();
  const api = useApi();
  const { language } = useLanguage();
  const dark = useDark();
  const { model } = useSession();
  useWatch(entity.name);
  const navigate = useNavigate();
  const [chosen, setChosen] = useState<string | null>(null);
  const panel = useRef<HTMLElement>(null);
  const counts = useQuery({
    queryKey: ['list', entity.name, 'states'],
    queryFn: ({ signal }) => api.get('/records/{entity}/aggregate', { path: { entity: entity.name }, query: { group: 'state', measure: 'count', limit: 200 }, signal }),
  });
  const handbook = useQuery({ queryKey: ['handbook', language, model.hash], queryFn: ({ signal }) => api.get('/handbook', { query: { locale: language }, signal }), staleTime: 300_000 });
  const parts = useMemo(() => partsById(handbook.data?.sections ?? []), [handbook.data]);
  const count = useMemo(() => new Map(counts.data?.items.map((item) => [String(item.group['state']), Number(item['count'])])), [counts.data]);
  const drawn = handbook.data && chartOf(handbook.data.sections, `record-${entity.name}-chart`);
  const chart = drawn && drawn.width > 0 ? drawn : undefined;
  const steps = handbook.data && sectionOf(handbook.data.sections, `record-${entity.name}-steps`);

  const nodes = useMemo<StateNode[]>(() => {
    const places = placesOf(entity);
    return entity.states.map((state) => {
      const laid = chart?.nodes.find((one) => one.id === state.name);
      return {
        id: state.name,
        type: 'state',
        position: laid ? { x: laid.x, y: laid.y } : (places.get(state.name) ?? { x: 0, y: 0 }),
        ...(laid ? { width: laid.width, height: laid.height } : {}),
        data: { label: state.label, category: state.category, count: counts.data ? (count.get(state.name) ?? 0) : undefined, initial: state.name === entity.initial, laid: laid !== undefined },
        ariaLabel: counts.data ? t('workflow.stateCount', { state: state.label, number: count.get(state.name) ?? 0 }) : state.label,
      };
    });
  }, [entity, chart, count, counts.data, t]);
  const edges = useMemo<StepEdge[]>(
    () =>
      entity.transitions.flatMap((step) =>
        step.from.filter((from) => from !== step.to).map((from) => {
          const way = chart?.edges.find((one) => one.from === from && one.to === step.to && one.label === step.label);
          return {
            id: `${from}/${step.name}`,
            source: from,
            target: step.to,
            ...(way ? { type: 'way' } : { type: 'smoothstep', label: step.label }),
            markerEnd: { type: MarkerType.ArrowClosed },
            className: chosen === step.name ? 'flow-chosen' : '',
            ariaLabel: t('workflow.stepFromTo', { step: step.label, from: entity.states.find((one) => one.name === from)?.label ?? from, to: entity.states.find((one) => one.name === step.to)?.label ?? step.to }),
            data: { step: step.name, ...(way ? { way } : {}) },
          };
        }),
      ),
    [entity, chart, chosen, t],
  );
  return (
    <div className="workflow-columns">
      <section ref={panel} className="panel workflow-chart" aria-label={t('workflow.diagram', { entity: entity.label })}>
        {handbook.isPending ? (
          <Skeleton active className="skeleton" />
        ) : (
          <ReactFlow
            key={chart ? 'laid' : 'own'}
            nodes={nodes}
            edges={edges}
            nodeTypes={nodeTypes}
            edgeTypes={edgeTypes}
            colorMode={dark ? 'dark' : 'light'}
            {...(chart ? {} : { fitView: true, fitViewOptions: { padding: 0.08, maxZoom: 1 } })}
            onInit={(flow) => {
              if (chart && panel.current) void flow.setViewport(viewportOf(chart, panel.current.clientWidth, panel.current.clientHeight));
            }}
            minZoom={0.2}
            nodesDraggable={false}
            nodesConnectable={false}
            deleteKeyCode={null}
            onEdgeClick={(_, edge) => setChosen(String(edge.data?.['step'] ?? ''))}
            onPaneClick={() => setChosen(null)}
            proOptions={{ hideAttribution: true }}
          >
            <Background />
            <Controls showInteractive={false} aria-label={t('workflow.zoom')} />
          </ReactFlow>
        )}
      </section>
      <aside className="panel section-body workflow-side">
      <Tabs
        size="small"
        destroyOnHidden
        items={[
          { key: 'steps', label: t('workflow.overview'), children: (
        <div className="workflow-steps">
        <div>
        <h2>{t('workflow.states')}</h2>
        <ul className="day-list">
          {entity.states.map((state) => (
            <li key={state.name}>
              <Link to={`${listPath(entity.name)}?state=${encodeURIComponent(state.name)}`}>{state.label}</Link>
              <Tag className={{ open: 'tag-open', waiting: 'tag-waiting', done: 'tag-done', cancelled: 'tag-skipped' }[state.category]}>{t(`workflow.category_${state.category}`)}</Tag>
              <span className="number workflow-number">{counts.data ? (count.get(state.name) ?? 0) : ''}</span>
            </li>
          ))}
        </ul>
        </div>
        <div>
        <h2>{t('workflow.steps')}</h2>
        <ul className="day-list">
          {entity.transitions.map((step) => (
            <li key={step.name} className={chosen === step.name ? 'step-chosen' : undefined}>
              <button type="button" className="link-like" aria-pressed={chosen === step.name} onClick={() => setChosen(chosen === step.name ? null : step.name)}>{step.label}</button>
              <span className="muted">{fromTo(entity, step)}</span>
              {(step.approval ?? []).length > 0 && <Tag className="tag-waiting">{t('workflow.approval', { names: (step.approval ?? []).map((one) => one.label).join(t('approval.and')) })}</Tag>}
            </li>
          ))}
        </ul>
        </div>
        </div>
          ) },
          {
            key: 'overlay',
            label: t('definitions.edit'),
            children: (
              <Suspense fallback={<Skeleton active className="skeleton" />}>
                <Overlay kind="entity" name={entity.name} onLeave={(place) => void navigate(`/admin/configuration?kind=${encodeURIComponent(place.kind)}&name=${encodeURIComponent(place.name)}`)} />
              </Suspense>
            ),
          },
        ]}
      />
      </aside>
      <section className="panel section-body workflow-findings">
        <h2>{t('workflow.findings')}</h2>
        <Suspense fallback={<Skeleton active className="skeleton" />}>
          <Standing kind="entity" name={entity.name} />
        </Suspense>
      </section>
      <section className="panel handbook-part workflow-who">
        {handbook.isError ? <LoadError error={handbook.error} onRetry={() => void handbook.refetch()} /> : steps ? <PartsContext value={parts}><HandbookPart section={steps} level={2} inWords={handbook.data.in_words} /></PartsContext> : handbook.isPending ? <Skeleton active /> : <p className="muted">{t('workflow.noSteps')}</p>}
      </section>
    </div>
  );
}

function fromTo(entity: Entity, step: ModelTransition): string {
  const label = (name: string) => entity.states.find((one) => one.name === name)?.label ?? name;
  return `${step.from.map(label).join(' / ')} → ${label(step.to)}`;
}
