import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { vi } from 'vitest';
import { Console, createRouter } from '../src/app';
import { FakeServer } from './fake_server';

/** The whole console at `path`, against a server in memory. */
export function open(path: string, server = new FakeServer()) {
  vi.stubGlobal('fetch', server.fetch);
  const router = createRouter(path);
  const user = userEvent.setup({ delay: null, pointerEventsCheck: 0 });
  const view = render(<Console language="zh-CN" router={router} />);
  const address = () => router.state.location.pathname + router.state.location.search;
  return { server, router, user, address, ...view };
}
