// Measures the console in Chromium; started by tests/bench/console.py, which has a server running.
// usage: console.mjs ADDRESS ROWS PAGES RUNS [JSON_FILE], with ADMIN_PASSWORD
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from '../e2e/harness.mjs';

const { chromium } = createRequire(new URL('../../core/console/package.json', import.meta.url))('playwright-core');
const [base, rowsWanted, pagesWanted, runsWanted, jsonFile] = process.argv.slice(2);
const [rows, pages, runs] = [rowsWanted, pagesWanted, runsWanted].map(Number);
const password = process.env.ADMIN_PASSWORD;
const list = '/records/sales.inquiry';
/** Most that a first paint, p95 of paging (milliseconds), an import (milliseconds) and a first screen (KiB) may have. */
const limits = { paint: 1000, paging: 1000, import: 60_000, load: 500 };

const home = mkdtempSync(join(tmpdir(), 'caravan-figures-'));
const opened = new Set();

/** A browser as a person has one: its profile is on the disk, so that what was compiled once need not be again. */
async function browser() {
  const context = await chromium.launchPersistentContext(mkdtempSync(join(home, 'profile-')), {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    viewport: { width: 1366, height: 860 }, locale: 'zh-CN', reducedMotion: 'reduce',
  });
  opened.add(context);
  context.on('close', () => opened.delete(context));
  await context.addInitScript(watch);
  context.setDefaultTimeout(60_000);
  return context;
}

/** Runs in each page: when rows were painted, and how long each press of a button of the pager took until other rows were. */
function watch() {
  const state = { firstRows: 0, turns: [] };
  globalThis.figures = state;
  const row = () => document.querySelector('tr[data-row-key]')?.getAttribute('data-row-key') ?? '';
  /** After the frame in which the change is painted: its callback comes before, the message after it. */
  const painted = (then) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => then(performance.now());
    port2.postMessage(0);
  });
  let shown = '', pressed;
  new MutationObserver(() => {
    const now = row();
    if (now === '' || now === shown) return;
    shown = now;
    if (state.firstRows === 0) painted((at) => (state.firstRows = at));
    if (pressed !== undefined) {
      const from = pressed;
      pressed = undefined;
      painted((at) => state.turns.push(at - from));
    }
  }).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ['data-row-key'] });
  document.addEventListener('click', (event) => event.target.closest?.('.pager button') && (pressed = event.timeStamp), true);
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const p95 = (values) => values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1];
const say = (text) => console.error(text);

/** Opens the address in a fresh page; KiB of files and of data that travelled, the milliseconds to the first rows, and how many of them the page's thread worked. */
async function open(context, path, ready) {
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const bytes = { files: 0, data: 0 };
  const data = new Set();
  cdp.on('Network.requestWillBeSent', ({ requestId, request }) => request.url.includes('/api/') && data.add(requestId));
  cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => (bytes[data.has(requestId) ? 'data' : 'files'] += encodedDataLength / 1024));
  await page.goto(base + path);
  await page.locator(ready).first().waitFor();
  await page.waitForFunction(() => globalThis.figures.firstRows > 0 || !document.querySelector('tr[data-row-key]'));
  const { metrics } = await cdp.send('Performance.getMetrics');
  await page.waitForLoadState('load');
  await page.waitForTimeout(700); // what is fetched in idle time is part of the load
  return { page, kib: { ...bytes }, milliseconds: await page.evaluate(() => globalThis.figures.firstRows), worked: 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) };
}

async function signIn(page) {
  await page.getByLabel('用户名').fill('admin');
  await page.getByLabel('密码').fill(password);
  await page.getByRole('button', { name: '登录' }).click();
  await page.locator('.sider').waitFor();
}

/** The rows as a person's spreadsheet has them; the columns are called as the fields are. */
function spreadsheet(model, customers) {
  const fields = ['customer', 'channel', 'destination', 'depart_on', 'party_size', 'children', 'budget', 'product_interest', 'hotel_standard', 'needs'];
  const { fields: known } = model.entities['sales.inquiry'];
  const field = (name) => known.find((one) => one.name === name);
  const options = (name) => model.choices[field(name).choices].map((one) => one.label);
  const [channels, levels] = [options('channel'), options('product_interest')];
  const places = ['昆明·大理·丽江', '台北·花莲·垦丁', '法国·瑞士·意大利', '九寨沟·黄龙', '东京·箱根', '西安·敦煌·张掖', '喀什·塔什库尔干'];
  const needs = ['两位老人，希望行程宽松、少走路', '蜜月旅行，想住海景房', '包含机票，从出发地往返', '已经看过同行报价，希望给出明细对比'];
  const day = (at) => new Date(Date.UTC(2027, 0, 1 + (at % 330))).toISOString().slice(0, 10);
  const lines = [fields.map((name) => field(name).label).join(',')];
  for (let at = 0; at < rows; at += 1) {
    lines.push([customers[at % customers.length], channels[at % channels.length], places[at % places.length], day(at), 1 + (at % 9), at % 2, 3000 + ((at * 37) % 60_000), levels[at % levels.length], 1 + (at % 5), needs[at % needs.length]].join(','));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** From the choice of the file to the report: choose, map, try (a dry run of every row), run. */
async function importRows(page, text, label) {
  await page.goto(`${base}/admin/import`);
  const combobox = page.getByRole('combobox').first();
  await combobox.fill(label);
  await page.locator(`.ant-select-item-option-active[title="${label}"]`).waitFor();
  await combobox.press('Enter');
  const began = performance.now();
  await page.locator('input[type=file]').setInputFiles({ name: 'inquiries.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  const onward = () => page.locator('.row-actions .ant-btn-primary').click();
  await page.locator('table.conflict').waitFor();
  await onward(); // try
  await page.locator('.ant-steps-item-active').nth(0).waitFor();
  await page.getByText(new RegExp(`${rows}`)).first().waitFor();
  const tried = performance.now();
  await onward(); // run
  await page.locator('.row-actions a[href*="sales.inquiry"]').waitFor();
  return { milliseconds: performance.now() - began, tried: tried - began };
}

async function main() {
  const api = new Api(base);
  await api.signIn('admin', password);
  const model = await api.get('/model?locale=zh-CN');
  const customers = [];
  for (let at = 0; at < 100; at += 1) {
    const name = `示范客户${String(at).padStart(3, '0')}`;
    await api.post('/records/customers.customer', { name, kind: 'person' });
    customers.push(name);
  }

  // A browser that has never been here, then the wizard in it.
  let context = await browser();
  const first = await open(context, '/login', 'form');
  await signIn(first.page);
  const cookies = await context.storageState();
  const imported = await importRows(first.page, spreadsheet(model, customers), model.entities['sales.inquiry'].label);
  const { total } = await api.get('/records/sales.inquiry?limit=1&count=1');
  if (total !== rows) throw new Error(`${total} of ${rows} rows were imported`);
  await context.close();

  const cold = [], warm = [], worked = [];
  let loaded;
  for (let run = 0; run < runs; run += 1) {
    context = await browser();
    await context.addCookies(cookies.cookies);
    const listed = await open(context, list, 'tr[data-row-key]');
    loaded ??= listed.kib;
    cold.push(listed.milliseconds);
    worked.push(listed.worked);
    await listed.page.close();
    if (run < runs - 1) await context.close();
  }
  // The compiler's cache is filled after the second visit.
  for (let run = -2; run < runs; run += 1) {
    const listed = await open(context, list, 'tr[data-row-key]');
    if (run >= 0) warm.push(listed.milliseconds);
    await listed.page.close();
  }
  const { page } = await open(context, list, 'tr[data-row-key]');
  for (let turn = 1; turn <= pages; turn += 1) {
    await page.locator('.pager button:not([disabled])').last().click();
    await page.waitForFunction((count) => globalThis.figures.turns.length === count, turn);
  }
  const turns = await page.evaluate(() => globalThis.figures.turns);
  const requests = await page.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/records/sales.inquiry?')).map(({ duration }) => duration));
  await context.close();

  const figures = [
    ['sign-in, its files', first.kib.files, limits.load, 'KiB gzipped'],
    ['list, its files', loaded.files, limits.load, 'KiB gzipped'],
    ['list, its data and the model', loaded.data, undefined, 'KiB'],
    [`first paint of the rows, cold (median of ${runs})`, median(cold), limits.paint, 'ms'],
    [`first paint of the rows, cold (worst)`, Math.max(...cold), undefined, 'ms'],
    [`the page's thread until then, cold (median)`, median(worked), undefined, 'ms'],
    [`first paint of the rows, warm (median of ${runs})`, median(warm), limits.paint, 'ms'],
    [`first paint of the rows, warm (worst)`, Math.max(...warm), undefined, 'ms'],
    [`next page, p50 of ${pages}`, median(turns), undefined, 'ms'],
    [`next page, p95 of ${pages}`, p95(turns), limits.paging, 'ms'],
    ['request of a page, p95', p95(requests), undefined, 'ms'],
    [`import of ${rows} rows, its trial`, imported.tried, undefined, 'ms'],
    [`import of ${rows} rows, end to end`, imported.milliseconds, limits.import, 'ms'],
  ].map(([figure, value, limit, unit]) => ({ figure, value: Math.round(value), unit, ...(limit === undefined ? {} : { limit, holds: value < limit }) }));
  const missed = figures.filter(({ holds }) => holds === false);
  console.log(`Chromium, ${cpus().length} × ${cpus()[0].model}, ${rows} rows, 50 a page\n`);
  for (const { figure, value, unit, limit, holds } of figures) {
    console.log(`${figure.padEnd(46)} ${String(value).padStart(7)} ${unit.padEnd(12)}${limit === undefined ? '' : `(under ${limit})${holds ? '' : '  MISSED'}`}`);
  }
  if (jsonFile) writeFileSync(jsonFile, `${JSON.stringify({ figures, cold, worked, warm, turns }, null, 1)}\n`);
  process.exitCode = missed.length > 0 ? 1 : 0;
}

try {
  await main();
} catch (error) {
  say(`console figures: ${error.stack}`);
  process.exitCode = 2;
} finally {
  for (const context of opened) await context.close().catch(() => undefined);
  rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
