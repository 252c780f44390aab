import { Breadcrumb } from 'antd';
import type { ReactNode } from 'react';
import { Link } from 'react-router';

interface Props {
  trail?: { label: string; to: string }[];
  title: ReactNode;
  /** Beside the title: number, state. */
  aside?: ReactNode;
  actions?: ReactNode;
}

/** The head of a page: where it stands, its title, what can be done. */
export function PageHead({ trail = [], title, aside, actions }: Props) {
  return (
    <div className="page-head">
      {trail.length > 0 && <Breadcrumb items={trail.map(({ label, to }) => ({ title: <Link to={to}>{label}</Link> }))} />}
      <div className="page-head-row">
        <div className="page-title">
          <h1>{title}</h1>
          {aside}
        </div>
        {actions && <div className="page-actions">{actions}</div>}
      </div>
    </div>
  );
}
