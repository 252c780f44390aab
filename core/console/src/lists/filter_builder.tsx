import CloseOutlined from '@ant-design/icons/es/icons/CloseOutlined';
import PlusOutlined from '@ant-design/icons/es/icons/PlusOutlined';
import { Button, Input, Segmented, Select } from 'antd';
import dayjs from 'dayjs';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Entity, Field } from '../api/types';
import { DatePicker } from '../components/date_picker';
import { RefSelect } from '../components/ref_select';
import { celOfAll, filterable, isComplete, operatorsOf, takes, type Condition, type Operator } from '../filter';
import { fieldOf, isState } from '../model';
import { usePinyinFilter } from '../pinyin';
import { useSession } from '../session';

interface Props {
  entity: Entity;
  where: Condition[];
  any: boolean;
  onChange: (where: Condition[], any: boolean) => void;
}

/** A condition, with what tells its place on the page from the others'. */
interface Row {
  id: number;
  condition: Condition;
}

let made = 0;
const rowOf = (condition: Condition): Row => ({ id: (made += 1), condition });

/** Puts a filter together, condition by condition, and shows the rule that it makes. */
export default function FilterBuilder({ entity, where, any, onChange }: Props) {
  const { t } = useTranslation();
  const pinyin = usePinyinFilter();
  // What is not complete yet is kept here; only whole conditions are asked for.
  const [rows, setRows] = useState<Row[]>(() => where.map(rowOf));
  const [sent, setSent] = useState(where);
  const [added, setAdded] = useState<number | null>(null);
  const add = useRef<HTMLButtonElement>(null);
  const wholeOf = (all: Row[]) => all.map(({ condition }) => condition).filter((one) => isComplete(entity, one));
  if (sent !== where) {
    // The address changed otherwise (back, a saved view): show what it says.
    setSent(where);
    if (JSON.stringify(wholeOf(rows)) !== JSON.stringify(where)) setRows(where.map(rowOf));
  }
  const change = (next: Row[], mode = any) => {
    setRows(next);
    const whole = wholeOf(next);
    if (JSON.stringify(whole) !== JSON.stringify(where) || mode !== any) onChange(whole, mode);
  };
  const fields = filterable(entity);
  const fresh = (field: Field): Condition => ({ field: field.name, op: operatorsOf(entity, field)[0]!, value: [] });
  const first = fields.find((field) => !field.system) ?? fields[0];
  const rule = celOfAll(entity, rows.map(({ condition }) => condition), any);
  return (
    <div className="filter-builder" role="group" aria-label={t('filter.title')}>
      {rows.map(({ id, condition: row }) => {
        const field = fieldOf(entity, row.field);
        if (!field) return null;
        const put = (condition: Condition) => change(rows.map((one) => (one.id === id ? { id, condition } : one)));
        return (
          <div key={id} className="filter-row">
            <Select
              autoFocus={id === added}
              className="filter-field"
              aria-label={t('filter.field')}
              showSearch={{ filterOption: pinyin }}
              value={row.field}
              options={fields.map((one) => ({ value: one.name, label: one.label }))}
              onChange={(name: string) => {
                const chosen = fieldOf(entity, name);
                if (chosen) put(fresh(chosen));
              }}
            />
            <Select
              className="filter-operator"
              aria-label={t('filter.operator', { label: field.label })}
              value={row.op}
              options={operatorsOf(entity, field).map((op) => ({ value: op, label: t(`filter.op_${op}`) }))}
              onChange={(op: Operator) => put({ ...row, op, value: takes(op) === takes(row.op) ? row.value : [] })}
            />
            <Value entity={entity} field={field} condition={row} onChange={(value) => put({ ...row, value })} />
            <Button type="text" icon={<CloseOutlined aria-hidden />} aria-label={t('filter.remove', { label: field.label })} onClick={() => { change(rows.filter((one) => one.id !== id)); add.current?.focus(); }} />
          </div>
        );
      })}
      <div className="filter-foot">
        <Button
          ref={add}
          type="dashed"
          icon={<PlusOutlined aria-hidden />}
          disabled={!first}
          onClick={() => {
            if (!first) return;
            const row = rowOf(fresh(first));
            setAdded(row.id);
            change([...rows, row]);
          }}
        >
          {t('filter.add')}
        </Button>
        {rows.length > 1 && (
          <Segmented
            aria-label={t('filter.mode')}
            value={any ? 'any' : 'all'}
            options={[{ value: 'all', label: t('filter.all') }, { value: 'any', label: t('filter.any') }]}
            onChange={(mode) => change(rows, mode === 'any')}
          />
        )}
        {rule && <code className="filter-rule">{rule}</code>}
      </div>
    </div>
  );
}

function Value({ entity, field, condition, onChange }: { entity: Entity; field: Field; condition: Condition; onChange: (value: string[]) => void }) {
  const { t } = useTranslation();
  const { model } = useSession();
  const pinyin = usePinyinFilter();
  const { op, value } = condition;
  const label = t('filter.value', { label: field.label });
  const valid = (text: string) => text === '' || isComplete(entity, { ...condition, value: [text] });
  switch (takes(op)) {
    case 'nothing':
      return null;
    case 'several': {
      if (field.type === 'ref' || field.type === 'refs') {
        return <RefSelect mode="multiple" className="filter-value" aria-label={label} to={field.to ?? ''} value={value} onChange={(next) => onChange(Array.isArray(next) ? next : next ? [next] : [])} />;
      }
      const options = isState(field)
        ? entity.states.map((one) => ({ value: one.name, label: one.label }))
        : (field.choices ? (model.choices[field.choices] ?? []) : []).map((one) => ({ value: one.name, label: one.label }));
      return <Select mode="multiple" className="filter-value" aria-label={label} placeholder={t('form.select')} value={value} options={options} showSearch={{ filterOption: pinyin }} onChange={onChange} />;
    }
    case 'days':
      return <Text numeric label={label} suffix={t('filter.days')} value={value[0] ?? ''} valid={valid} onChange={(text) => onChange([text])} />;
    default:
      if (field.type === 'date' || field.type === 'instant') {
        return (
          <DatePicker
            className="filter-value"
            aria-label={label}
            format="YYYY-MM-DD"
            value={value[0] ? dayjs(value[0]) : null}
            onChange={(day) => onChange(day ? [day.format('YYYY-MM-DD')] : [])}
          />
        );
      }
      return <Text numeric={field.type !== 'text'} label={label} value={value[0] ?? ''} valid={valid} onChange={(text) => onChange([text])} />;
  }
}

/** A text that is told when the hand rests. */
function Text({ label, value, valid, onChange, numeric, suffix }: { label: string; value: string; valid: (text: string) => boolean; onChange: (text: string) => void; numeric: boolean; suffix?: string }) {
  const [text, setText] = useState(value);
  const [told, setTold] = useState(value);
  if (told !== value) {
    // Changed otherwise: that counts, not what stood here.
    setTold(value);
    setText(value);
  }
  const tell = (next: string) => {
    setTold(next);
    if (next !== value) onChange(next);
  };
  useEffect(() => {
    if (text === told) return undefined;
    const timer = setTimeout(() => tell(text), 500);
    return () => clearTimeout(timer);
    // The newest `tell` belongs to the same text.
  });
  const sound = valid(text);
  return <Input className="filter-value" aria-label={label} inputMode={numeric ? 'decimal' : 'text'} value={text} suffix={suffix} {...(sound ? {} : { status: 'error' as const, 'aria-invalid': true })} onChange={(event) => setText(event.target.value.trimStart())} onPressEnter={() => tell(text)} />;
}
