import { Form } from 'antd';
import { useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';
import type { Entity, Field, FieldError } from '../api/types';
import { currencyOf, type FormValues } from '../form_values';
import { fieldOf } from '../model';
import { useErrorText } from '../use_error_text';

/** What could not be bound to an input of the form. */
export interface FormProblem {
  text: string;
  rest: FieldError[];
}

/** Binds a server's refusal to the inputs it is about. */
export function useServerErrors(entity: Entity, fields: readonly Field[]) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const [form] = Form.useForm<FormValues>();
  const [problem, setProblem] = useState<FormProblem | null>(null);

  const clear = useCallback(() => setProblem(null), []);
  const show = useCallback(
    (error: unknown) => {
      if (error instanceof ApiError && error.status === 401) return; // signing in again is asked for elsewhere
      const errors = error instanceof ApiError ? error.errors : [];
      const target = (name: string | null | undefined) => fields.find((field) => field.name === name || currencyOf(field.name) === name)?.name;
      const byField = new Map<string, string[]>();
      for (const one of errors) {
        const name = target(one.field);
        if (name) byField.set(name, [...(byField.get(name) ?? []), one.message]);
      }
      form.setFields([...byField].map(([name, messages]) => ({ name, errors: messages })));
      const first = fields.find((field) => byField.has(field.name));
      if (first) form.scrollToField(first.name, { block: 'center', focus: true });
      const rest = errors
        .filter((one) => !target(one.field))
        .map((one) => {
          const label = one.field ? fieldOf(entity, one.field)?.label : undefined;
          return label ? { ...one, message: `${label}${t('value.colon')}${one.message}` } : one;
        });
      const text = error instanceof ApiError && errors.length > 0 && rest.length === 0 ? t('form.checkFields') : errorText(error);
      setProblem({ text, rest });
    },
    [entity, fields, form, errorText, t],
  );
  return { form, problem, show, clear };
}
