import { Tag } from 'antd';
import { useTranslation } from 'react-i18next';
import { Said } from '../definitions/parts';

/** What a check says of a place in the definitions. */
export interface Finding {
  file: string;
  line: number;
  column: number;
  code: string;
  message: string;
  hint: string;
}

/** The findings of a refusal or of a result; what is none is left out. */
export function findingsOf(all: unknown): Finding[] {
  if (!Array.isArray(all)) return [];
  return all.filter((one): one is Finding => typeof one === 'object' && one !== null && 'message' in one && 'file' in one);
}

export function Findings({ items, grave }: { items: Finding[]; grave: boolean }) {
  const { t } = useTranslation();
  if (items.length === 0) return null;
  return (
    <ul className="findings">
      {items.map((one, index) => (
        <li key={index} className={grave ? 'finding finding-error' : 'finding finding-warning'}>
          <div>
            <code>{`${one.file}:${one.line}:${one.column}`}</code> <Tag className={grave ? 'tag-failed' : 'tag-waiting'}>{t(grave ? 'configuration.error' : 'configuration.warning')}</Tag>
          </div>
          <Said finding={one} />
          <div className="muted">
            <code>{one.code}</code>
          </div>
        </li>
      ))}
    </ul>
  );
}
