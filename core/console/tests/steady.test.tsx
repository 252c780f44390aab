import { act, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { useSteady } from '../src/steady';
import { FakeServer } from './fake_server';
import { open } from './render';

function Shown({ value }: { value: string }) {
  return <p>{useSteady(value)}</p>;
}

describe('what is pressed', () => {
  it('does not change until it is released', async () => {
    const { rerender } = render(<Shown value="before" />);
    fireEvent.pointerDown(document.body);
    rerender(<Shown value="after" />);
    expect(screen.getByText('before')).toBeTruthy();
    fireEvent.pointerUp(document.body);
    expect(await screen.findByText('after')).toBeTruthy();
    rerender(<Shown value="later" />);
    expect(screen.getByText('later')).toBeTruthy();
  });

  it('shows the newest of what came meanwhile, also where the release is never told', async () => {
    const { rerender } = render(<Shown value="one" />);
    fireEvent.pointerDown(document.body);
    rerender(<Shown value="two" />);
    rerender(<Shown value="three" />);
    expect(screen.getByText('one')).toBeTruthy();
    expect(await screen.findByText('three', undefined, { timeout: 4000 })).toBeTruthy();
  });
});

/** The stream of changes, told by the test. */
class Source extends EventTarget {
  static last: Source | undefined;
  static readonly CLOSED = 2;
  readyState = 1;
  constructor(readonly url: string) {
    super();
    Source.last = this;
  }
  close() {
    this.readyState = Source.CLOSED;
  }
  tell(data: object) {
    this.dispatchEvent(new MessageEvent('record', { data: JSON.stringify(data) }));
  }
}

describe('changes by others', () => {
  it('leave an open dialog and what was entered in it', async () => {
    vi.stubGlobal('EventSource', Source);
    const server = new FakeServer();
    const task = server.add('demo.task', { subject: '云南行' });
    const { user } = open(`/records/demo.task/${task.id}`, server);
    await user.click(await screen.findByRole('button', { name: '放弃' }));
    const dialog = await screen.findByRole('dialog', { name: '放弃' });
    await user.type(within(dialog).getByLabelText('备注'), '客人改期');
    const reads = () => server.callsTo('GET', `/records/demo.task/${task.id}/transitions`).length;
    const before = reads();
    Object.assign(task, { version: 2, subject: '西藏行' });
    act(() => Source.last?.tell({ entity: 'demo.task', id: task.id, version: 2 }));
    await screen.findAllByText('西藏行');
    await waitFor(() => expect(reads()).toBeGreaterThan(before));
    expect(screen.getByRole('dialog', { name: '放弃' })).toBe(dialog);
    expect(within(dialog).getByLabelText<HTMLTextAreaElement>('备注').value).toBe('客人改期');
  });
});

describe('a list', () => {
  it('takes one change after the other, however fast they come', async () => {
    const server = new FakeServer();
    server.add('demo.task', { subject: '云南行', budget: '1.00', budget_currency: 'CNY' });
    const { user, address } = open('/records/demo.task', server);
    await screen.findByText('云南行');
    const header = screen.getByRole('columnheader', { name: '预算' });
    await user.click(header);
    await user.click(header);
    expect(address()).toContain('sort=-budget');
  });
});
