import DownOutlined from '@ant-design/icons/es/icons/DownOutlined';
import SaveOutlined from '@ant-design/icons/es/icons/SaveOutlined';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Checkbox, Dropdown, Input, Modal, type MenuProps } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Entity, RecordData } from '../api/types';
import { celString } from '../filter';
import { listParams, parseListState, withChange, type ListState } from '../list_state';
import { compareNames } from '../pinyin';
import { useApi } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';
import type { Widths } from './widths';

/** Views that people saved are records of this entity; `look` is the list's address and its columns' widths. */
const entityName = 'core.list_view';

interface Look {
  query: string;
  widths: Widths;
}

function lookOf(record: RecordData): Look {
  const look = record['look'];
  const { query, widths } = look !== null && typeof look === 'object' ? (look as Partial<Look>) : {};
  const sound = Object.entries(widths ?? {}).filter((one): one is [string, number] => typeof one[1] === 'number' && one[1] > 0);
  return { query: typeof query === 'string' ? query : '', widths: Object.fromEntries(sound) };
}

/** What of the state makes a view: not the page that one is on. */
const queryOf = (state: ListState) => listParams(withChange(state, { saved: undefined })).toString();

/** Whether a saved view is what is shown. */
function sameLook({ query, widths: stored }: Look, state: ListState, widths: Widths): boolean {
  const names = new Set([...Object.keys(stored), ...Object.keys(widths)]);
  return queryOf(parseListState(new URLSearchParams(query))) === queryOf(state) && [...names].every((name) => stored[name] === widths[name]);
}

interface Props {
  entity: Entity;
  state: ListState;
  widths: Widths;
  onShow: (state: ListState, widths: Widths) => void;
}

/** The menu of views that the user, or a colleague for everyone, has saved. */
export default function SavedViews({ entity, state, widths, onShow }: Props) {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const { user, locale } = useSession();
  const { message, modal } = App.useApp();
  const errorText = useErrorText();
  const [naming, setNaming] = useState<'new' | RecordData | null>(null);
  const list = useQuery({
    queryKey: ['list', entityName, entity.name],
    queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: entityName }, query: { filter: `record.about_entity == ${celString(entity.name)}`, sort: 'label', limit: 200 }, signal }),
    staleTime: 30_000,
  });
  const compare = compareNames(locale.locale);
  const items = [...(list.data?.items ?? [])].sort((a, b) => compare(String(a['label']), String(b['label'])));
  const current = items.find((one) => one.id === state.saved);
  const own = current?.['user'] === user.id;
  const changed = current !== undefined && !sameLook(lookOf(current), state, widths);
  const look: Look = { query: queryOf(state), widths };

  /** Whether it was done; else it was told why not. */
  const act = async (work: () => Promise<unknown>, done: string): Promise<boolean> => {
    let well = true;
    try {
      await work();
      void message.success(done);
    } catch (error) {
      well = false;
      void message.error(errorText(error));
    }
    await queries.invalidateQueries({ queryKey: ['list', entityName] });
    return well;
  };
  const path = (record: RecordData) => ({ path: { entity: entityName, id: record.id }, version: record.version });
  const show = (record: RecordData) => {
    const { query, widths: stored } = lookOf(record);
    onShow({ ...parseListState(new URLSearchParams(query)), saved: record.id }, stored);
  };
  const group = (label: string, all: RecordData[]): NonNullable<MenuProps['items']> =>
    all.length === 0 ? [] : [{ type: 'group', key: label, label, children: all.map((one) => ({ key: `view:${one.id}`, label: String(one['label']) })) }];
  const menu: NonNullable<MenuProps['items']> = [
    ...group(t('saved.mine'), items.filter((one) => one['user'] === user.id)),
    ...group(t('saved.shared'), items.filter((one) => one['user'] !== user.id)),
    ...(items.length > 0 ? [{ type: 'divider' as const }] : []),
    ...(own && changed ? [{ key: 'update', label: t('saved.update', { label: String(current['label']) }) }] : []),
    { key: 'new', label: t('saved.saveAs') },
    ...(own ? [{ key: 'rename', label: t('saved.rename') }, { key: 'remove', label: t('saved.remove'), danger: true }] : []),
    ...(current ? [{ key: 'leave', label: t('saved.leave') }] : []),
  ];
  const choose = (key: string) => {
    const record = items.find((one) => `view:${one.id}` === key);
    if (record) show(record);
    else if (key === 'new') setNaming('new');
    else if (key === 'leave') onShow(withChange(parseListState(new URLSearchParams()), {}), {});
    else if (current && key === 'rename') setNaming(current);
    else if (current && key === 'update') void act(() => api.patch('/records/{entity}/{id}', { look }, path(current)), t('form.saved'));
    else if (current && key === 'remove') {
      modal.confirm({
        title: t('record.deleteTitle', { title: String(current['label']) }),
        okText: t('record.delete'),
        okButtonProps: { danger: true },
        cancelText: t('form.cancel'),
        onOk: async () => {
          if (await act(() => api.delete('/records/{entity}/{id}', path(current)), t('record.deleted'))) onShow({ ...state, saved: undefined }, widths);
        },
      });
    }
  };
  return (
    <>
      <Dropdown trigger={['click']} menu={{ items: menu, selectable: true, selectedKeys: current ? [`view:${current.id}`] : [], onClick: ({ key }) => choose(key) }}>
        <Button icon={<SaveOutlined aria-hidden />}>
          {current ? `${String(current['label'])}${changed ? ' *' : ''}` : t('saved.title')} <DownOutlined aria-hidden className="caret" />
        </Button>
      </Dropdown>
      {naming && (
        <NameDialog
          record={naming === 'new' ? undefined : naming}
          onClose={() => setNaming(null)}
          onSave={async (label, shared) => {
            const well = await act(async () => {
              if (naming !== 'new') return api.patch('/records/{entity}/{id}', { label, shared }, path(naming));
              const made = await api.post('/records/{entity}', { about_entity: entity.name, label, shared, look }, { path: { entity: entityName } });
              onShow({ ...state, saved: made.id }, widths);
              return made;
            }, t('form.saved'));
            if (well) setNaming(null);
          }}
        />
      )}
    </>
  );
}

function NameDialog({ record, onSave, onClose }: { record: RecordData | undefined; onSave: (label: string, shared: boolean) => Promise<void>; onClose: () => void }) {
  const { t } = useTranslation();
  const [label, setLabel] = useState(record ? String(record['label']) : '');
  const [shared, setShared] = useState(record?.['shared'] === true);
  const [saving, setSaving] = useState(false);
  const save = () => {
    if (!label.trim() || saving) return;
    setSaving(true);
    void onSave(label.trim(), shared).finally(() => setSaving(false));
  };
  return (
    <Modal open title={t(record ? 'saved.rename' : 'saved.saveAs')} okText={t('form.save')} cancelText={t('form.cancel')} okButtonProps={{ disabled: !label.trim(), loading: saving }} onOk={save} onCancel={onClose}>
      <label className="approval-comment">
        <span>{t('saved.name')}</span>
        <Input autoFocus maxLength={60} value={label} onChange={(event) => setLabel(event.target.value)} onPressEnter={save} />
      </label>
      <Checkbox className="saved-shared" checked={shared} onChange={(event) => setShared(event.target.checked)}>
        {t('saved.forAll')}
      </Checkbox>
    </Modal>
  );
}
