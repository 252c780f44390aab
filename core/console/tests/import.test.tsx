import { screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { columnsOf, guess, printMap, sourceOf, toCsv } from '../src/admin/import_map';
import { unpackedSize } from '../src/admin/packed';
import { demoModel, FakeServer } from './fake_server';
import { open } from './render';

const model = demoModel();
const task = model.entities['demo.task']!;

describe('a file to import', () => {
  it('says its columns, whatever its delimiter and quotes', () => {
    expect(columnsOf('\uFEFF主题;类型;"备注; 其他"\r\na;b;c')).toEqual(['主题', '类型', '备注; 其他']);
    expect(columnsOf('a,"b ""x""\nzwei",c\n1,2,3')).toEqual(['a', 'b "x"\nzwei', 'c']);
    expect(columnsOf('a\tb')).toEqual(['a', 'b']);
  });
  it('finds the fields that are called as its columns', () => {
    expect(guess(task, ['主题', 'People', '别的', 'subject', '类型'])).toEqual({ 主题: 'subject', People: 'people', 类型: 'kind' });
  });
  it('becomes a map, in which no name gets out of its quotes', () => {
    const text = printMap(model, task, { source: 'crm', key: 'No"}', fields: { '主题: "x"': 'subject', 类型: 'kind', 联系人: 'person' } });
    expect(text).toContain('external_id: {column: "No\\"}"}');
    expect(text).toContain('subject: {column: "主题: \\"x\\"", empty: refuse}');
    expect(text).toContain('kind: {column: "类型", map: {"电话": "call", "拜访": "visit", "传真": "fax"}, unmapped: keep}');
    expect(text).toContain('person: {column: "联系人", lookup: name, missing: note}');
    expect(printMap(model, task, { source: 'crm', key: undefined, fields: {} })).toContain('{expr: "string(row_number)"}');
  });
  it('from a spreadsheet is not unpacked where it says that it is huge', async () => {
    const entry = (size: number, name: string) => {
      const bytes = new DataView(new ArrayBuffer(46 + name.length));
      bytes.setUint32(0, 0x02014b50, true);
      bytes.setUint32(24, size, true);
      bytes.setUint16(28, name.length, true);
      return bytes.buffer;
    };
    const directory = [entry(1000, 'xl/workbook.xml'), entry(0xfffffff0, 'xl/worksheets/sheet1.xml')];
    const end = new DataView(new ArrayBuffer(22));
    end.setUint32(0, 0x06054b50, true);
    end.setUint32(12, directory.reduce((sum, one) => sum + one.byteLength, 0), true);
    end.setUint32(16, 4, true);
    expect(await unpackedSize(new Blob(['PK34', ...directory, end.buffer, 'a comment']))).toBe(1000 + 0xfffffff0);
    expect(await unpackedSize(new Blob(['no archive']))).toBeUndefined();
    expect(await unpackedSize(new Blob([]))).toBeUndefined();
  });
  it('is its own source where its rows have no ids, and so are the rows that were refused from it', () => {
    expect(sourceOf('客户 2026.csv', ['姓名'], undefined, '')).toBe('客户 2026.csv');
    expect(sourceOf('errors.csv', ['姓名', 'error', 'error_row'], undefined, '客户 2026.csv')).toBe('客户 2026.csv');
    expect(sourceOf('errors.csv', ['姓名'], undefined, '客户 2026.csv')).toBe('errors.csv');
    expect(sourceOf('a.csv', ['姓名', 'id'], 'id', undefined)).toBe('import');
    expect(new TextEncoder().encode(sourceOf(`${'客'.repeat(60)}.csv`, [], undefined, undefined)).length).toBeLessThanOrEqual(64);
  });
  it('takes days and numbers as spreadsheets write them', () => {
    const map = printMap(model, task, { source: 'a.csv', key: undefined, fields: { 截止: 'due_on', 预算: 'budget' } });
    expect(map).toContain('budget: {column: "预算", transform: "value.matches(');
    expect(map).toContain("due_on: {column: \"截止\", transform: \"value.matches('^[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?$') ?");
  });
  it('from a spreadsheet is CSV', () => {
    expect(toCsv([['a', 'b'], ['x,"y"', new Date('2026-12-20T00:00:00Z')], [null, 3]], 'Asia/Shanghai')).toBe('a,b\r\n"x,""y""",2026-12-20\r\n,3\r\n');
    // A cell says what the agency's clocks show, and its seconds are a fraction of a day.
    expect(toCsv([[new Date('2026-12-20T09:29:59.999Z')]], 'Asia/Shanghai')).toBe('2026-12-20T01:30:00Z\r\n');
  });
});

it('is tried, imported with progress, and what was refused can be fetched', async () => {
  const server = new FakeServer();
  let asked = 0;
  const counts = { rows: 2, created: 1, updated: 0, unchanged: 0, failed: 1, notes: {}, encoding: 'utf-8', errors: [{ row: 2, column: '主题', message: '不能为空' }] };
  server.overrides.push((call) => {
    if (call.path === '/import/demo.task') {
      if (call.method === 'GET') return { status: 200, body: { items: [] } };
      return call.query.get('dry_run') === '1' ? { status: 200, body: { ...counts, error_file: '' } } : { status: 202, body: { id: '9' } };
    }
    if (call.path === '/imports/9') {
      asked += 1;
      return { status: 200, body: { ...counts, id: '9', entity: 'demo.task', map: '', state: asked > 1 ? 'done' : 'running', dry_run: false, file_name: 'a.csv', file_bytes: 9, done: asked, by: '1', created_at: '', finished_at: null, message: null } };
    }
    return undefined;
  });
  const { user, container } = open('/admin/import', server);
  await user.click(await screen.findByRole('combobox', { name: '记录类型' }));
  await user.click(await screen.findByTitle('任务'));
  await user.upload(container.ownerDocument.querySelector<HTMLInputElement>('input[type="file"]')!, new File(['主题,人数\n一,1\n,2\n'], 'a.csv', { type: 'text/csv' }));
  expect(await screen.findByRole('combobox', { name: '“主题”对应的字段' })).toBeTruthy();
  await user.click(screen.getByRole('button', { name: '预检（不保存）' }));
  expect(await screen.findByText('不能为空')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: '开始导入' }));
  expect((await screen.findByRole('link', { name: '下载失败行文件' })).getAttribute('href')).toBe('/api/v1/imports/9/errors');
  await waitFor(() => expect(server.callsTo('POST', '/import/demo.task').map((call) => [call.query.get('dry_run'), call.query.get('job')])).toEqual([['1', null], [null, '1']]));
});
