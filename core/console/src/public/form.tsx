import { useId, useState } from 'react';
import { ask, inputOf, Refused, type AskedField } from './client';
import { say, type PublicLanguage } from './messages';

interface FormProps {
  fields: AskedField[];
  language: PublicLanguage;
  action: string;
  label: string;
  consent?: string | null;
  onDone: (answer: unknown) => void;
}

type Values = Record<string, string | string[]>;

/** Fields to fill in, and a button that sends them. */
export function PublicFormView({ fields, language, action, label, consent, onDone }: FormProps) {
  const [values, setValues] = useState<Values>({});
  const [agreed, setAgreed] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Refused>();
  const id = useId();
  const send = async () => {
    setBusy(true);
    setRefused(undefined);
    try {
      const answer = await ask(action, language, { input: inputOf(fields, values), ...(consent ? { consent: agreed } : {}) });
      setValues({});
      onDone(answer);
    } catch (error) {
      setRefused(error instanceof Refused ? error : new Refused(0, say(language, 'failed')));
    } finally {
      setBusy(false);
    }
  };
  const known = new Set([...fields.map((field) => field.name), 'consent']);
  const other = Object.entries(refused?.fields ?? {}).filter(([name]) => !known.has(name));
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void send();
      }}
    >
      {fields.map((field) => (
        <Asked key={field.name} field={field} language={language} id={`${id}${field.name}`} value={values[field.name] ?? ''} mistake={refused?.fields[field.name]} onChange={(value) => setValues((before) => ({ ...before, [field.name]: value }))} />
      ))}
      {consent ? (
        <div className="asked">
          <label className="consent">
            <input type="checkbox" checked={agreed} onChange={(event) => setAgreed(event.target.checked)} /> {consent}
          </label>
          {refused?.fields.consent ? (
            <p className="mistake" role="alert">
              {refused.fields.consent}
            </p>
          ) : null}
        </div>
      ) : null}
      {refused ? (
        <p className="mistake" role="alert">
          {[refused.message, ...other.map(([, message]) => message)].filter((text, at, all) => text && all.indexOf(text) === at).join(' ')}
        </p>
      ) : null}
      <button type="submit" disabled={busy}>
        {busy ? say(language, 'sending') : label}
      </button>
    </form>
  );
}

const inputTypes: Record<string, string> = { int: 'number', date: 'date', instant: 'datetime-local', decimal: 'text', money: 'text' };

interface AskedProps {
  field: AskedField;
  language: PublicLanguage;
  id: string;
  value: string | string[];
  mistake?: string;
  onChange: (value: string | string[]) => void;
}

function Asked({ field, language, id, value, mistake, onChange }: AskedProps) {
  const text = typeof value === 'string' ? value : '';
  const describes = { id, 'aria-invalid': mistake !== undefined, 'aria-required': field.required, 'aria-describedby': mistake || field.help ? `${id}-note` : undefined };
  const change = (event: { target: { value: string } }) => onChange(event.target.value);
  const options = field.type === 'bool' ? [{ name: 'true', label: say(language, 'yes') }, { name: 'false', label: say(language, 'no') }] : field.options;
  const control = () => {
    if (field.type === 'multi') {
      const chosen = typeof value === 'string' ? [] : value;
      return (
        <select {...describes} multiple value={chosen} onChange={(event) => onChange([...event.target.selectedOptions].map((one) => one.value))}>
          {options.map((one) => (
            <option key={one.name} value={one.name}>
              {one.label}
            </option>
          ))}
        </select>
      );
    }
    if (options.length > 0) {
      return (
        <select {...describes} value={text} onChange={change}>
          <option value="">{say(language, 'choose')}</option>
          {options.map((one) => (
            <option key={one.name} value={one.name}>
              {one.label}
            </option>
          ))}
        </select>
      );
    }
    if (field.multiline) return <textarea {...describes} rows={4} value={text} maxLength={field.max_length ?? undefined} onChange={change} />;
    const decimal = field.type === 'decimal' || field.type === 'money';
    // From 0 to 100, and the like: easier with a thumb than with a keyboard.
    if (field.type === 'int' && field.min === '0' && field.max === '100') {
      return (
        <div className="score">
          <input {...describes} type="range" min={0} max={100} step={5} value={text === '' ? 50 : Number(text)} onChange={change} onClick={() => text === '' && onChange('50')} />
          <output htmlFor={id}>{text === '' ? '–' : text}</output>
        </div>
      );
    }
    return (
      <input {...describes} type={inputTypes[field.type] ?? 'text'} inputMode={decimal ? 'decimal' : undefined} min={field.min ?? undefined} max={field.max ?? undefined} maxLength={field.max_length ?? undefined} value={text} onChange={change} />
    );
  };
  return (
    <div className="asked">
      <label htmlFor={id}>
        {field.label}
        {field.required ? <span className="required"> ({say(language, 'required')})</span> : null}
      </label>
      {control()}
      {mistake || field.help ? (
        <p id={`${id}-note`} className={mistake ? 'mistake' : 'help'} role={mistake ? 'alert' : undefined}>
          {mistake ?? field.help}
        </p>
      ) : null}
    </div>
  );
}
