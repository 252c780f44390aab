import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, App, Button, Mentions } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';
import type { Entity } from '../api/types';
import { meantBy, namedIn, whoIsNamed } from '../mentions';
import { titleOf } from '../model';
import { matchesTyped } from '../pinyin';
import { useRecordChanged } from '../record_queries';
import { useApi, useUnsaved } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';
import { useSubmission } from '../use_submission';
import { forgetText, keepText, keptText } from '../kept';

const users = 'core.user';

/** Writes a comment into the record's history; `@` finds colleagues, who get a notice, also where the name is only typed. */
export default function CommentBox({ entity, id }: { entity: Entity; id: string }) {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const changed = useRecordChanged();
  const { model, user: me } = useSession();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const key = `${me.id}/comment/${entity.name}/${id}`;
  const [text, setText] = useState(() => keptText(key));
  const [people, setPeople] = useState<Record<string, string>>({});
  const [typed, setTyped] = useState<string | null>(null);
  const [words, setWords] = useState('');
  const { running: sending, run } = useSubmission();
  const [doubtful, setDoubtful] = useState<string[]>([]);
  useUnsaved(text.trim() !== '');
  useEffect(() => {
    const timer = setTimeout(() => setWords(typed ?? ''), 200);
    return () => clearTimeout(timer);
  }, [typed]);
  const found = useQuery({
    queryKey: ['options', users, words, 'mention'],
    queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: users }, query: { q: words || undefined, filter: 'record.active == true', limit: 8 }, signal }),
    enabled: typed !== null && !!model.entities[users],
    placeholderData: keepPreviousData,
  });
  const all = (found.data?.items ?? []).map((user) => ({ key: user.id, user: user.id, value: titleOf(model.entities[users], user), label: titleOf(model.entities[users], user) }));
  // Until the answer for what was typed is there, nobody stands first who does not fit: Enter takes whoever does.
  const settled = words === (typed ?? '') && !found.isPlaceholderData;
  const options = settled ? all : all.filter((one) => matchesTyped(one.label, typed ?? ''));

  const put = (next: string) => {
    setText(next);
    setDoubtful([]);
    keepText(key, next);
  };
  const send = async () => {
    const said = text.trim();
    if (!said) return;
    try {
      // Whoever was chosen and is still named.
      const chosen = Object.entries(people).filter(([name]) => said.includes(`@${name}`));
      const named = model.entities[users] ? namedIn(said, chosen.map(([name]) => name)) : [];
      const meant = named.length > 0 ? whoIsNamed(named, (await api.get('/records/{entity}', { path: { entity: users }, query: { filter: meantBy(named), limit: 100 } })).items) : { ids: [], doubtful: [] };
      if (meant.doubtful.length > 0 && doubtful.length === 0) {
        setDoubtful(meant.doubtful);
        return;
      }
      const mentions = [...new Set([...chosen.map(([, user]) => user), ...meant.ids])].filter((one) => one !== me.id);
      const { told } = await api.post('/records/{entity}/{id}/comments', { text: said, ...(mentions.length > 0 ? { mentions } : {}) }, { path: { entity: entity.name, id } });
      if (told.length < mentions.length) void message.warning(t('comment.notTold', { count: mentions.length - told.length }));
      setText('');
      setDoubtful([]);
      forgetText(key);
      setPeople({});
      await changed(entity.name, id);
      void queries.invalidateQueries({ queryKey: ['record', entity.name, id] });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) void message.error(errorText(error), 6);
    }
  };
  return (
    <form
      className="comment-box"
      onSubmit={(event) => {
        event.preventDefault();
        void run(send);
      }}
    >
      <Mentions
        autoSize={{ minRows: 2, maxRows: 10 }}
        aria-label={t('comment.write')}
        placeholder={t('comment.placeholder')}
        maxLength={4000}
        value={text}
        onChange={put}
        options={options}
        // While it says that it loads, it takes no Enter, whoever stands there.
        loading={found.isFetching && options.length === 0}
        filterOption={false}
        onSearch={setTyped}
        // Not `key`, to which the widget adds something of its own.
        onSelect={(option: { value?: string; user?: string }) => option.user !== undefined && setPeople((before) => ({ ...before, [String(option.value)]: option.user! }))}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void run(send);
        }}
      />
      {doubtful.length > 0 && <Alert type="warning" showIcon role="alert" title={t('comment.nobody', { names: doubtful.map((name) => `@${name}`).join(' ') })} />}
      <Button size="small" type="primary" htmlType="submit" loading={sending} disabled={!text.trim()}>
        {t(doubtful.length > 0 ? 'comment.sendAnyway' : 'comment.send')}
      </Button>
    </form>
  );
}
