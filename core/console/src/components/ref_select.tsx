import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Select, Spin, type SelectProps } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Entity, Expanded, RecordData } from '../api/types';
import { titleOf } from '../model';
import { useApi } from '../services';
import { useSession } from '../session';
import { useSteady } from '../steady';
import { useErrorText } from '../use_error_text';

const shown = 20;

const titlesOf = (entity: Entity | undefined, items: RecordData[]) => Object.fromEntries(items.map((item) => [item.id, titleOf(entity, item)]));

interface Props extends Omit<SelectProps<string | string[]>, 'options' | 'mode'> {
  /** Entity to choose a record of. */
  to: string;
  /** The records chosen already, so that their titles are known. */
  known?: Expanded[] | undefined;
  /** A list of records; else one. */
  mode?: 'multiple';
}

/** Chooses a record by searching for it on the server. */
export function RefSelect({ to, known, ...rest }: Props) {
  const { t } = useTranslation();
  const api = useApi();
  const { model } = useSession();
  const errorText = useErrorText();
  const entity = model.entities[to];
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState('');
  const [words, setWords] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setWords(typed.trim()), 250);
    return () => clearTimeout(timer);
  }, [typed]);

  const search = useQuery({
    queryKey: ['options', to, words],
    queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: to }, query: { q: words, limit: shown }, signal }),
    enabled: open && !!entity,
    placeholderData: keepPreviousData,
  });
  const page = useSteady(search.data);

  // Titles seen so far, so that a choice keeps its title when the search goes on.
  const [titles, setTitles] = useState<Record<string, string>>({});
  useEffect(() => {
    if (page) setTitles((old) => ({ ...old, ...titlesOf(entity, page.items) }));
  }, [page, entity]);

  const chosenIds = Array.isArray(rest.value) ? rest.value : rest.value ? [rest.value] : [];
  const untold = chosenIds.filter((id) => /^\d+$/.test(id) && !titles[id] && !known?.some((one) => one.id === id)).slice(0, shown).sort();
  // What the address or a draft brought has an id alone.
  const told = useQuery({
    queryKey: ['options', to, 'titles', untold.join()],
    queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: to }, query: { filter: `record.id in [${untold.join(', ')}]`, limit: shown }, signal }),
    enabled: !!entity && untold.length > 0,
  });
  useEffect(() => {
    if (told.data) setTitles((old) => ({ ...old, ...titlesOf(entity, told.data.items) }));
  }, [told.data, entity]);

  const options = useMemo(() => {
    const found = (page?.items ?? []).map((item) => ({ value: item.id, label: titleOf(entity, item), number: item.number ?? '' }));
    for (const chosen of Array.isArray(rest.value) ? rest.value : rest.value ? [rest.value] : []) {
      if (found.some((option) => option.value === chosen)) continue;
      const label = known?.find((one) => one.id === chosen)?.title ?? titles[chosen] ?? `#${chosen}`;
      // While searching, only what was found is offered; the chosen one is there for its title.
      found.push({ value: chosen, label, number: '' });
    }
    return found;
  }, [page, entity, rest.value, known, titles]);

  return (
    <Select<string | string[]>
      placeholder={entity ? t('form.searchRef', { entity: entity.label }) : undefined}
      {...rest}
      disabled={rest.disabled || !entity}
      showSearch={{ filterOption: false, onSearch: setTyped }}
      options={options}
      optionRender={(option) => (
        <span className="ref-option">
          <span>{option.label}</span>
          {option.data.number !== option.label && <span className="muted">{option.data.number}</span>}
        </span>
      )}
      onOpenChange={(now) => {
        setOpen(now);
        if (!now) setTyped('');
      }}
      loading={search.isFetching}
      notFoundContent={
        search.isError ? <span role="alert">{errorText(search.error)}</span> : search.isFetching ? <Spin size="small" /> : t('form.noMatch')
      }
      popupRender={(menu) => (
        <>
          {menu}
          {page?.next && <div className="select-hint">{t('form.typeMore', { count: shown })}</div>}
        </>
      )}
    />
  );
}
