import DownOutlined from '@ant-design/icons/es/icons/DownOutlined';
import TableOutlined from '@ant-design/icons/es/icons/TableOutlined';
import UpOutlined from '@ant-design/icons/es/icons/UpOutlined';
import { Button, Checkbox, Popover, Select } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Entity } from '../api/types';
import { fieldOf, groupable } from '../model';

interface Props {
  entity: Entity;
  shown: string[];
  /** Whether these are others than the view's. */
  own: boolean;
  group: string | undefined;
  onColumns: (columns: string[] | undefined) => void;
  onGroup: (group: string | undefined) => void;
}

/** Which columns are shown, in which order, and by what rows are grouped. */
export default function ColumnsMenu({ entity, shown, own, group, onColumns, onGroup }: Props) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const others = entity.fields.filter((field) => !shown.includes(field.name) && field.type !== 'json');
  const move = (index: number, by: number) => {
    const next = [...shown];
    const [one] = next.splice(index, 1);
    next.splice(index + by, 0, one!);
    onColumns(next);
  };
  const body = (
    <div className="columns-menu">
      <label className="columns-group">
        <span>{t('columns.group')}</span>
        <Select
          allowClear
          size="small"
          placeholder={t('columns.noGroup')}
          value={group}
          options={groupable(entity).map((field) => ({ value: field.name, label: field.label }))}
          onChange={(name: string | undefined) => onGroup(name)}
        />
      </label>
      <ul className="columns-list" aria-label={t('columns.title')}>
        {shown.map((name, index) => {
          const label = fieldOf(entity, name)?.label ?? name;
          return (
            <li key={name}>
              <Checkbox checked disabled={shown.length === 1} onChange={() => onColumns(shown.filter((one) => one !== name))}>
                {label}
              </Checkbox>
              <span className="columns-move">
                <Button type="text" size="small" icon={<UpOutlined aria-hidden />} disabled={index === 0} aria-label={t('columns.up', { label })} onClick={() => move(index, -1)} />
                <Button type="text" size="small" icon={<DownOutlined aria-hidden />} disabled={index === shown.length - 1} aria-label={t('columns.down', { label })} onClick={() => move(index, 1)} />
              </span>
            </li>
          );
        })}
        {others.map((field) => (
          <li key={field.name}>
            <Checkbox checked={false} onChange={() => onColumns([...shown, field.name])}>
              {field.label}
            </Checkbox>
          </li>
        ))}
      </ul>
      {own && (
        <Button type="link" size="small" onClick={() => onColumns(undefined)}>
          {t('columns.reset')}
        </Button>
      )}
    </div>
  );
  return (
    <Popover trigger="click" placement="bottomRight" open={open} onOpenChange={setOpen} content={body} title={t('columns.title')}>
      <Button icon={<TableOutlined aria-hidden />} aria-expanded={open}>
        {t('columns.title')}
      </Button>
    </Popover>
  );
}
