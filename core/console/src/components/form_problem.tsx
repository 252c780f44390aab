import { Alert } from 'antd';
import type { FormProblem } from './use_server_errors';

/** Says above a form why it was not saved. */
export function FormProblemAlert({ problem }: { problem: FormProblem | null }) {
  if (!problem) return null;
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      className="form-alert"
      title={problem.text}
      description={
        problem.rest.length > 0 ? (
          <ul className="plain-list">
            {problem.rest.map((error, index) => (
              <li key={index}>{error.message}</li>
            ))}
          </ul>
        ) : undefined
      }
    />
  );
}
