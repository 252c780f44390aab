import { Alert, Button, Modal, Radio } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Entity, Field, RecordData } from '../api/types';
import { currencyOf } from '../form_values';
import { isState } from '../model';
import { useValueText } from './field_value';

interface Props {
  entity: Entity;
  /** The record as the user began to edit it. */
  base: RecordData;
  /** `base` with the user's changes. */
  mine: RecordData;
  /** The record as it stands on the server. */
  theirs: RecordData;
  /** Names of the fields that the user changed. */
  changed: readonly string[];
  saving: boolean;
  onKeep: (fields: string[]) => void;
  onReload: () => void;
  onBack: () => void;
}

const same = (field: Field, a: RecordData, b: RecordData) =>
  [field.name, currencyOf(field.name)].every((name) => JSON.stringify(a[name] ?? null) === JSON.stringify(b[name] ?? null));

/** Someone else saved first: shows both versions per field, with what both began with, and lets the user choose. */
export function ConflictDialog({ entity, base, mine, theirs, changed, saving, onKeep, onReload, onBack }: Props) {
  const { t } = useTranslation();
  const valueText = useValueText();
  const [dropped, setDropped] = useState<readonly string[]>([]);
  const rows = entity.fields.filter(
    (field) => changed.includes(field.name) || ((!field.system || isState(field) || field.name === 'owner') && !same(field, base, theirs)),
  );
  const keep = changed.filter((name) => !dropped.includes(name));
  const text = (field: Field, record: RecordData) => valueText(entity, field, record) || t('timeline.empty');

  return (
    <Modal
      open
      width={860}
      title={t('conflict.title')}
      onCancel={onBack}
      mask={{ closable: false }}
      footer={[
        <Button key="back" onClick={onBack}>{t('conflict.back')}</Button>,
        <Button key="reload" danger onClick={onReload}>{t('conflict.reload')}</Button>,
        <Button key="keep" type="primary" loading={saving} onClick={() => onKeep(keep)}>{t('conflict.keep')}</Button>,
      ]}
    >
      <Alert type="warning" showIcon className="form-alert" title={t('conflict.text', { version: theirs.version })} />
      <div className="table-scroll">
        <table className="conflict">
          <thead>
            <tr>
              <th scope="col">{t('conflict.field')}</th>
              <th scope="col">{t('conflict.mine')}</th>
              <th scope="col">{t('conflict.theirs')}</th>
              <th scope="col">{t('conflict.original')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((field) => (
              <tr key={field.name}>
                <th scope="row">{field.label}</th>
                {changed.includes(field.name) ? (
                  (['mine', 'theirs'] as const).map((side) => (
                    <td key={side}>
                      <Radio
                        name={`conflict-${field.name}`}
                        checked={dropped.includes(field.name) === (side === 'theirs')}
                        onChange={() => setDropped(side === 'theirs' ? [...dropped, field.name] : dropped.filter((name) => name !== field.name))}
                        aria-label={`${field.label}${t('value.colon')}${t(`conflict.${side}`)}`}
                      >
                        <span className="multiline">{text(field, side === 'mine' ? mine : theirs)}</span>
                      </Radio>
                    </td>
                  ))
                ) : (
                  <>
                    <td className="muted">{t('conflict.untouched')}</td>
                    <td><span className="multiline">{text(field, theirs)}</span></td>
                  </>
                )}
                <td className="muted"><span className="multiline">{text(field, base)}</span></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Modal>
  );
}
