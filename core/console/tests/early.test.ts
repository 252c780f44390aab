import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiClient } from '../src/api/client';
import { askEarly, takeEarly } from '../src/early';

afterEach(() => vi.unstubAllGlobals());

describe('what is asked for early', () => {
  it('is taken once, by who asks for the same in the same language', async () => {
    const fetched = vi.fn(() => Promise.resolve(new Response('{"id":"7"}', { headers: { 'Content-Type': 'application/json' } })));
    vi.stubGlobal('fetch', fetched);
    void askEarly('/api/v1/me', 'en');
    expect(takeEarly('/api/v1/me', 'zh-CN')).toBeUndefined();
    const client = new ApiClient();
    client.locale = 'en';
    expect(await client.get('/me')).toEqual({ id: '7' });
    expect(fetched).toHaveBeenCalledTimes(1);
    await client.get('/me');
    expect(fetched).toHaveBeenCalledTimes(2);
  });

  it('is asked for again where it did not arrive', async () => {
    vi.stubGlobal('fetch', vi.fn(() => Promise.reject(new TypeError('offline'))));
    await askEarly('/api/v1/me', 'en').catch(() => undefined);
    expect(takeEarly('/api/v1/me', 'en')).toBeUndefined();
  });
});
