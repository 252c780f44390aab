import { describe, expect, it } from 'vitest';
import type { components } from '../src/api/schema';
import { clockStanding, durationParts } from '../src/components/clocks';

type Clock = components['schemas']['Clock'];

const clock = (over: Partial<Clock> = {}): Clock => ({
  name: 'demo.answer', label: '首次答复', run: 1, state: 'running', started_at: '2026-10-09T01:00:00Z', paused_at: null,
  due_at: '2026-10-09T05:00:00Z', met_at: null, breached_at: null, limit_seconds: 14400, remaining_seconds: 10800, elapsed_seconds: 3600,
  calendar: null, time_zone: 'Asia/Shanghai', lines: [], ...over,
});

describe('clocks', () => {
  it('stand as their state, time left and breach say', () => {
    expect(clockStanding(clock())).toBe('running');
    expect(clockStanding(clock({ remaining_seconds: 2880 }))).toBe('soon');
    expect(clockStanding(clock({ state: 'paused', paused_at: '2026-10-09T02:00:00Z' }))).toBe('paused');
    expect(clockStanding(clock({ breached_at: '2026-10-09T05:00:00Z', remaining_seconds: -60 }))).toBe('breached');
    expect(clockStanding(clock({ state: 'paused', breached_at: '2026-10-09T05:00:00Z' }))).toBe('breached');
    expect(clockStanding(clock({ state: 'met', met_at: '2026-10-09T04:00:00Z' }))).toBe('met');
    expect(clockStanding(clock({ state: 'met', met_at: '2026-10-09T06:00:00Z', breached_at: '2026-10-09T05:00:00Z' }))).toBe('late');
    expect(clockStanding(clock({ limit_seconds: null, remaining_seconds: null }))).toBe('running');
  });

  it('tell hours and minutes without a sign', () => {
    expect(durationParts(-3660)).toEqual({ hours: 1, minutes: 1 });
    expect(durationParts(59)).toEqual({ hours: 0, minutes: 0 });
  });
});
