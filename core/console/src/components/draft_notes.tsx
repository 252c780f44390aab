import { Alert, Card, Descriptions } from 'antd';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Draft, Entity, RecordData } from '../api/types';
import { recordPagePath } from '../paths';
import { FieldValue } from './field_value';

/** Records that are probably of the same thing as what is being filled in. */
export function DuplicateAlerts({ entity, draft }: { entity: Entity; draft: Draft | undefined }) {
  const { t } = useTranslation();
  return (draft?.duplicates ?? []).map((found) => (
    <Alert
      key={found.rule}
      type="warning"
      showIcon
      className="form-alert"
      title={found.message}
      description={
        <ul className="plain-list">
          {found.items.map((item) => (
            <li key={item.id}>
              <Link to={recordPagePath(entity.name, item.id)} target="_blank" rel="noopener">
                {item.number && item.number !== item.title ? `${item.number} · ${item.title}` : item.title}
              </Link>
            </li>
          ))}
          {found.more && <li className="muted">{t('form.moreDuplicates')}</li>}
        </ul>
      }
    />
  ));
}

/** Computed fields as they will be. */
export function ComputedPreview({ entity, draft, record }: { entity: Entity; draft: Draft | undefined; record: RecordData | undefined }) {
  const { t } = useTranslation();
  if (!draft) return null;
  // A reference has no title here.
  const fields = entity.fields.filter((field) => field.name in draft.computed && field.type !== 'ref' && field.type !== 'refs' && draft.fields[field.name]?.visible !== false);
  if (fields.length === 0) return null;
  const computed = { id: '', version: 0, ...record, ...draft.computed } as RecordData;
  return (
    <Card className="group-card" title={<h2>{t('form.computed')}</h2>}>
      <Descriptions
        size="small"
        column={{ xs: 1, md: 2 }}
        items={fields.map((field) => ({ key: field.name, label: field.label, children: <FieldValue entity={entity} field={field} record={computed} /> }))}
      />
    </Card>
  );
}
