import { describe, expect, it } from 'vitest';
import { celString } from '../src/filter';
import { demoModel, field } from './fake_server';
import { listFilter, listParams, parseListState, withChange } from '../src/list_state';

const task = { ...demoModel().entities['demo.task']! };
task.fields = [...task.fields, field('ways', '方式', 'multi', { choices: 'demo.kind' })];
const parse = (text: string) => parseListState(new URLSearchParams(text));

describe('the address of a list', () => {
  it('is empty for the plain list', () => {
    expect(listParams(parse('')).toString()).toBe('');
  });
  it('keeps everything that is shown', () => {
    const text = 'view=mine&q=%E7%8E%8B%E8%8A%B3&state=new%2Cwon&f.channel=phone&sort=-created_at&size=20&after=abc&page=3';
    expect(listParams(parse(text)).toString()).toBe(text);
    expect(parse(text)).toMatchObject({ view: 'mine', q: '王芳', states: ['new', 'won'], choices: { channel: ['phone'] }, sort: '-created_at', size: 20, after: 'abc', page: 3 });
  });
  it('ignores what makes no sense', () => {
    expect(parse('size=7&page=-1&sort=a,b&state=a b,&f.x y=z&page=9')).toMatchObject({ size: 50, page: 1, sort: undefined, states: [], choices: {} });
    expect(parse('after=abc')).toMatchObject({ after: 'abc', page: 2 });
  });
  it('begins at the first page when what is listed changes', () => {
    expect(withChange(parse('after=abc&page=3&q=a'), { q: 'b' })).toMatchObject({ q: 'b', after: undefined, page: 1 });
  });
});

describe('the filter', () => {
  it('is CEL', () => {
    expect(listFilter(parse(''), task)).toBeUndefined();
    expect(listFilter(parse('f.ways=a,b'), task)).toBe('("a" in record.ways || "b" in record.ways)');
    expect(listFilter(parse('state=new'), task)).toBe('record.state == "new"');
    expect(listFilter(parse('state=new,won&f.channel=phone'), task)).toBe('(record.state == "new" || record.state == "won") && record.channel == "phone"');
  });
  it('cannot be escaped from', () => {
    expect(celString('a" || true || "')).toBe('"a\\" || true || \\""');
    expect(listFilter(parse(`state=${encodeURIComponent('new" || true || "')}`), task)).toBeUndefined();
  });
});
