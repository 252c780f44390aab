import CheckOutlined from '@ant-design/icons/es/icons/CheckOutlined';
import { useTranslation } from 'react-i18next';
import type { Entity, State } from '../api/types';

type Status = 'past' | 'current' | 'future' | 'cancelled';

interface Step {
  key: string;
  label: string;
  status: Status;
}

const isFinal = (state: State) => state.category === 'done' || state.category === 'cancelled';

/** The way of the workflow: its open states in order, then its end; how far `current` is. */
export function stateSteps(entity: Entity, current: string | null | undefined): Step[] {
  const states = entity.states ?? [];
  const open = states.filter((state) => !isFinal(state));
  const ends = states.filter((state) => state.category === 'done');
  const at = open.findIndex((state) => state.name === current);
  const final = states.find((state) => state.name === current && isFinal(state));
  const steps: Step[] = open.map((state, index) => ({
    key: state.name,
    label: state.label,
    // How far a cancelled record had come is in its timeline, not in its state.
    status: final ? (final.category === 'done' ? 'past' : 'future') : index < at ? 'past' : index === at ? 'current' : 'future',
  }));
  if (final) steps.push({ key: final.name, label: final.label, status: final.category === 'done' ? 'current' : 'cancelled' });
  else if (ends.length > 0) steps.push({ key: 'end', label: ends.map((state) => state.label).join(' / '), status: 'future' });
  return steps;
}

export function StateBar({ entity, state }: { entity: Entity; state: string | null | undefined }) {
  const { t } = useTranslation();
  const steps = stateSteps(entity, state);
  if (steps.length < 2) return null;
  return (
    <ol className="state-bar" aria-label={t('record.progress')}>
      {steps.map((step, index) => (
        <li key={step.key} className={`state-step state-${step.status}`} aria-current={step.status === 'current' || step.status === 'cancelled' ? 'step' : undefined}>
          <span className="state-mark" aria-hidden>
            {step.status === 'past' ? <CheckOutlined /> : step.status === 'cancelled' ? '×' : index + 1}
          </span>
          <span>{step.label}</span>
        </li>
      ))}
    </ol>
  );
}
