import { Card, Col, Form, Input, Row, Select, Space, Switch } from 'antd';
import type { Rule } from 'antd/es/form';
import { cloneElement, type KeyboardEvent, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import type { Draft, Entity, Field, FormDefinition, RecordData } from '../api/types';
import { currencyOf, toInput, type Mistake } from '../form_values';
import { languages } from '../i18n';
import { expandedOf, fieldOf, isEditable } from '../model';
import { compareNames, usePinyinFilter } from '../pinyin';
import { useSession } from '../session';
import { isFile } from '../files';
import { DatePicker } from './date_picker';
import { FieldLabel } from './field_label';
import { DotLabel } from './field_value';
import { FileInput } from './file_input';
import { RefSelect } from './ref_select';

/** Name of the antd Form around the fields; the inputs' ids begin with it. */
export const formName = 'record';

interface Props {
  entity: Entity;
  form: FormDefinition;
  /** For the titles of references. */
  record?: RecordData | undefined;
  /** Groups as cards, or plain (in a dialog). */
  plain?: boolean;
  /** Plain, and short inputs beside each other. */
  dense?: boolean;
  /** Name of the antd Form, where it is not `formName`. */
  name?: string;
  /** What the server says of the values as they are, see useDraft. */
  draft?: Draft | undefined;
}

/** The inputs of a form from the model. Below an antd Form. */
export function RecordFields({ entity, form, record, plain, dense, name = formName, draft }: Props) {
  const groups = form.groups
    .map((group) => ({
      group,
      fields: group.fields.map((name) => fieldOf(entity, name)).filter((field): field is Field => !!field && isEditable(field) && draft?.fields[field.name]?.visible !== false),
    }))
    .filter(({ fields }) => fields.length > 0);
  return groups.map(({ group, fields }) => {
    const inputs = (
      <Row gutter={[20, 0]}>
        {fields.map((field) => (
          <Col key={field.name} xs={dense && isShort(field) ? 12 : 24} md={isWide(field) ? 24 : dense ? (isShort(field) ? 6 : 12) : plain ? 24 : 12}>
            <FieldItem form={name} entity={entity} field={field} record={record} draft={draft} />
          </Col>
        ))}
      </Row>
    );
    if (plain) return <div key={group.name}>{inputs}</div>;
    return (
      <Card key={group.name} className="group-card" title={group.label ? <h2>{group.label}</h2> : undefined}>
        {inputs}
      </Card>
    );
  });
}

const isWide = (field: Field) => field.type === 'json' || field.type === 'localized' || (field.type === 'text' && field.multiline === true);

/** Whose values are a few characters. */
const isShort = (field: Field) => ['int', 'decimal', 'bool'].includes(field.type);

export function useMistakeText(): (mistake: Mistake) => string {
  const { t } = useTranslation();
  return (mistake) => {
    switch (mistake.code) {
      case 'tooManyDecimals':
      case 'textTooLong':
        return t(`form.${mistake.code}`, { count: mistake.count });
      case 'tooSmall':
        return t('form.tooSmall', { min: mistake.min });
      case 'tooLarge':
        return t('form.tooLarge', { max: mistake.max });
      case 'notJson':
        return t('form.notJson', { message: mistake.message });
      default:
        return t(`form.${mistake.code}`);
    }
  };
}

function FieldItem({ form, entity, field, record, draft }: { form: string; entity: Entity; field: Field; record?: RecordData | undefined; draft: Draft | undefined }) {
  const { t } = useTranslation();
  const { locale } = useSession();
  const mistakeText = useMistakeText();
  const live = draft?.fields[field.name];
  const required = live?.required ?? field.required;
  const locked = live?.read_only === true;
  // A value that does not go with another field's is nothing that leaving the input would find.
  const refused = draft?.errors.find((error) => error.field === field.name && error.code === 'not_offered')?.message;
  const rules: Rule[] = [
    {
      validator: (_, value: unknown) => {
        const outcome = toInput(field, value, locale);
        if ('mistake' in outcome) return Promise.reject(new Error(mistakeText(outcome.mistake)));
        if (required && outcome.value === null && field.type !== 'bool') {
          return Promise.reject(new Error(t('form.required', { label: field.label })));
        }
        return Promise.resolve();
      },
    },
  ];
  const help = field.type === 'instant' ? [field.help, t('form.timeZone', { zone: locale.timeZone })].filter(Boolean).join(' · ') : field.help;
  const outer = {
    label: field.sensitive ? <FieldLabel field={field} /> : field.label,
    required: required && field.type !== 'bool',
    extra: help || undefined,
    ...(refused ? { validateStatus: 'error' as const, help: refused } : {}),
  };
  const inner = { name: field.name, rules, validateTrigger: 'onBlur' as const };
  if (field.type === 'money') {
    return (
      <Form.Item {...outer} htmlFor={`${form}_${field.name}`}>
        <Space.Compact block>
          <Form.Item name={currencyOf(field.name)} noStyle>
            <CurrencySelect field={field} record={record} disabled={locked} />
          </Form.Item>
          <Form.Item {...inner} noStyle>
            <Input inputMode="decimal" autoComplete="off" className="number" disabled={locked} />
          </Form.Item>
        </Space.Compact>
      </Form.Item>
    );
  }
  return (
    <Form.Item {...outer} {...inner} {...(field.type === 'bool' ? { valuePropName: 'checked' } : {})}>
      {withState(isFile(field) ? <FileInput entity={entity.name} field={field} record={record} /> : widget(required === field.required ? field : { ...field, required }, record, t('form.select'), live?.options), locked)}
    </Form.Item>
  );
}

/** Enter takes the date that was typed; it must not send the form as well. */
const keepForm = (event: KeyboardEvent) => {
  if (event.key === 'Enter') event.preventDefault();
};

/** The input, disabled where the field cannot be changed now. */
const withState = (input: ReactElement<{ disabled?: boolean }>, disabled: boolean) => (disabled ? cloneElement(input, { disabled }) : input);

function widget(field: Field, record: RecordData | undefined, select: string, offered?: string[]): ReactElement<{ disabled?: boolean }> {
  switch (field.type) {
    case 'text':
      return field.multiline ? <Input.TextArea autoSize={{ minRows: 3, maxRows: 14 }} /> : <Input autoComplete="off" />;
    case 'json':
      return <Input.TextArea autoSize={{ minRows: 4, maxRows: 20 }} className="code" spellCheck={false} />;
    case 'int':
      return <Input inputMode="numeric" autoComplete="off" className="number" />;
    case 'decimal':
      return <Input inputMode="decimal" autoComplete="off" className="number" />;
    case 'date':
      return <DatePicker className="full" format="YYYY-MM-DD" onKeyDown={keepForm} />;
    case 'instant':
      return <DatePicker className="full" format="YYYY-MM-DD HH:mm" showTime={{ format: 'HH:mm' }} onKeyDown={keepForm} />;
    case 'bool':
      return <Switch />;
    case 'choice':
      return <ChoiceSelect field={field} placeholder={select} current={record?.[field.name]} offered={offered} />;
    case 'ref':
      return <RefSelect to={field.to ?? ''} known={expandedOf(record, field.name)} allowClear={!field.required} />;
    case 'refs':
      return <RefSelect mode="multiple" to={field.to ?? ''} known={expandedOf(record, field.name)} allowClear={!field.required} />;
    case 'multi':
      return <ChoiceSelect mode="multiple" field={field} placeholder={select} current={record?.[field.name]} offered={offered} />;
    case 'localized':
      return <LocalizedInput field={field} />;
    default:
      return <Input autoComplete="off" />;
  }
}

/** From here on options stand in the order of their names. */
const longList = 12;

function ChoiceSelect({ field, current, placeholder, offered, ...rest }: { field: Field; current: unknown; placeholder: string; offered?: string[] | undefined; mode?: 'multiple' }) {
  const { model, locale } = useSession();
  const pinyin = usePinyinFilter();
  const compare = compareNames(locale.locale);
  const options = (field.choices ? (model.choices[field.choices] ?? []) : [])
    .filter((option) => (offered ? offered.includes(option.name) : option.active) || option.name === current || (Array.isArray(current) && current.includes(option.name)))
    .map((option) => ({ value: option.name, label: option.label, color: option.color }));
  // A short list keeps the order of its definition, which means something; in a long one names are looked up.
  if (options.length > longList) options.sort((a, b) => compare(a.label, b.label));
  return (
    <Select
      {...rest}
      placeholder={placeholder}
      allowClear={!field.required}
      showSearch={{ filterOption: pinyin }}
      options={options}
      optionRender={(option) => <DotLabel color={option.data.color} label={String(option.data.label)} />}
    />
  );
}

/** One input a language: those of the console, and others that the value has. */
function LocalizedInput({ field, id, value, onChange, disabled }: { field: Field; id?: string; value?: Record<string, string>; onChange?: (value: Record<string, string>) => void; disabled?: boolean }) {
  const { t } = useTranslation();
  const { locale } = useSession();
  const first = languages.map(({ code }) => code).sort((a, b) => Number(b === locale.locale) - Number(a === locale.locale));
  const codes = [...new Set<string>([...first, ...Object.keys(value ?? {})])];
  return (
    <div className="localized" role="group" aria-label={field.label}>
      {codes.map((code, index) => {
        const name = languages.find((one) => one.code === code)?.label ?? code;
        const input = {
          ...(id && index === 0 ? { id } : {}),
          'aria-label': t('form.inLanguage', { label: field.label, language: name }),
          lang: code,
          value: value?.[code] ?? '',
          disabled: disabled ?? false,
          onChange: (event: { target: { value: string } }) => onChange?.({ ...value, [code]: event.target.value }),
        };
        return (
          <div key={code} className="localized-row">
            <span className="localized-name muted" aria-hidden>
              {name}
            </span>
            {field.multiline ? <Input.TextArea autoSize={{ minRows: 2, maxRows: 10 }} {...input} /> : <Input autoComplete="off" {...input} />}
          </div>
        );
      })}
    </div>
  );
}

/** Currencies offered beside the agency's own and the record's. */
const commonCurrencies = ['CNY', 'TWD', 'HKD', 'USD', 'EUR', 'JPY', 'GBP', 'KRW', 'SGD', 'THB', 'AUD'];

function CurrencySelect({ field, record, ...rest }: { field: Field; record: RecordData | undefined; disabled?: boolean }) {
  const { t } = useTranslation();
  const { locale } = useSession();
  const own = record?.[currencyOf(field.name)];
  const currencies = [...new Set([locale.currency, ...(typeof own === 'string' ? [own] : []), ...commonCurrencies])];
  return (
    <Select
      {...rest}
      className="currency"
      aria-label={t('form.currency', { label: field.label })}
      showSearch
      options={currencies.map((code) => ({ value: code, label: code }))}
    />
  );
}
