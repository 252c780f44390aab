// Drives the console against a real server; see README.md.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Api, assert, Checks, equal, until } from './harness.mjs';
import { days } from './days.mjs';
import { stories } from './stories.mjs';

const require = createRequire(new URL('../../core/console/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axeSource = require('axe-core').source;

const base = (process.env.BASE_URL ?? '').replace(/\/+$/, '');
const username = process.env.ADMIN_USERNAME ?? 'admin';
const password = process.env.ADMIN_PASSWORD ?? '';
const output = process.env.OUTPUT_DIR ?? '';
if (!base || !password) {
  console.error('run.mjs: BASE_URL and ADMIN_PASSWORD are needed; see tests/e2e/README.md');
  process.exit(2);
}
if (output) mkdirSync(output, { recursive: true });

const customerEntity = 'customers.customer';
const inquiryEntity = 'sales.inquiry';
const list = (entity) => `/records/${entity}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});
const context = await browser.newContext({ viewport: { width: 1366, height: 860 }, locale: 'zh-CN', timezoneId: 'America/New_York' });
const page = await context.newPage();
page.setDefaultTimeout(1000 * Number(process.env.TIMEOUT_SECONDS || 15));

/** What the browser complained of: scripts that failed, contents that the policy refused. */
const complaints = [];
page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`));
page.on('console', (message) => {
  if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
});

let failures = 0;
const checks = new Checks(async () => {
  failures += 1;
  if (output) await page.screenshot({ path: join(output, `failed-${failures}.png`) });
});
const check = (name, body) => checks.check(name, body);
/** A check without which those after it say nothing. */
const need = async (name, body) => {
  if (!(await check(name, body))) await finish();
};

// ---- Words of the page: the model's labels, in the language of the page.
const api = new Api(base);
let model;
const entity = (name) => model.entities[name];
const label = (name, field) => entity(name).fields.find((one) => one.name === field).label;
const state = (name) => entity(inquiryEntity).states.find((one) => one.name === name).label;
const step = (name) => entity(inquiryEntity).transitions.find((one) => one.name === name).label;
const choice = (name, field, value) => {
  const { choices } = entity(name).fields.find((one) => one.name === field);
  return model.choices[choices].find((one) => one.name === value).label;
};

// ---- Hands
const go = (path) => page.goto(base + path);
const path = () => decodeURIComponent(page.url().slice(base.length));
const heading = (name) => page.getByRole('heading', { level: 1, name });
const button = (name, scope = page) => scope.getByRole('button', { name, exact: true });
const input = (name, field, scope = page) => scope.getByLabel(label(name, field), { exact: true });
const shot = async (name, fullPage = false) => {
  if (!output) return;
  await page.waitForTimeout(400); // what moves has come to rest
  await page.screenshot({ path: join(output, `${name}.png`), fullPage });
};
/** How somebody's page looks as his day ends, also where it ended badly. */
const lastLook = async (name, whose) => {
  if (output) await whose.screenshot({ path: join(output, `${name}.png`) });
};
const stateTag = () => page.locator('.state-tag').innerText();
const tableLoaded = async () => {
  await page.locator('tr[data-row-key], .ant-empty').first().waitFor();
  await page.locator('.panel[aria-busy="false"]').waitFor();
};
/** Opens a select and takes the option of that text. */
async function select(combobox, text, typed) {
  await combobox.click();
  if (typed) await combobox.fill(typed);
  await page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option').filter({ hasText: text }).first().click();
}
async function signIn(secret = password) {
  await page.getByLabel('用户名').fill(username);
  await page.getByLabel('密码', { exact: true }).fill(secret);
  await button('登录').click();
}
async function save() {
  await button('保存').click();
  await page.waitForURL((url) => /^\/records\/[^/]+\/\d+$/.test(url.pathname));
  return path().split('/').at(-1);
}
/** No serious barriers on the page with this first heading. */
async function axe(what, title) {
  if (title) await heading(title).waitFor();
  await page.evaluate(`if (!window.axe) { ${axeSource} }`);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const grave = result.violations.filter((one) => one.impact === 'serious' || one.impact === 'critical');
  const text = grave.map((one) => `${one.impact} ${one.id}: ${one.help}\n${one.nodes.slice(0, 4).map((node) => `    ${node.target.join(' ')}`).join('\n')}`);
  assert(grave.length === 0, `${what} has barriers:\n${text.join('\n')}`);
}
/** Nothing on the page breaks WCAG 2.1 A or AA, whatever its impact. */
async function conforms(what) {
  await page.evaluate(`if (!window.axe) { ${axeSource} }`);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
  const text = violations.map((one) => `${one.impact} ${one.id}: ${one.help}\n${one.nodes.slice(0, 4).map((node) => `    ${node.target.join(' ')}`).join('\n')}`);
  assert(violations.length === 0, `${what} has barriers:\n${text.join('\n')}`);
}
/** Follows a link of the navigation, which folds departments where there are many pages. */
async function navigate(module, name) {
  const navigation = page.getByRole('navigation', { name: '导航' });
  const link = navigation.getByRole('link', { name, exact: true });
  await navigation.getByRole('link').first().waitFor();
  if (!(await link.isVisible())) await navigation.getByRole('menuitem', { name: module, exact: true }).click();
  await link.click();
}
const moduleLabel = (name) => model.modules.find((one) => one.name === name).label;
async function run(transition) {
  await button(step(transition)).click();
}

await need('the API lets the administrator in and has both departments', async () => {
  await api.signIn(username, password);
  await api.patch('/me', { locale: 'zh-CN' });
  model = await api.get('/model?locale=zh-CN');
  for (const name of [customerEntity, inquiryEntity]) assert(model.entities[name], `/model has no ${name}`);
});

// ---- Signing in
await check('a visitor is sent to the sign-in page, in simplified Chinese', async () => {
  await go(`${list(inquiryEntity)}?size=20`);
  await heading('登录').waitFor();
  assert(path().startsWith('/login?next='), path());
  equal(await page.locator('html').getAttribute('lang'), 'zh-CN', 'language of the page');
  equal(await page.title(), '登录 · Caravan', 'title');
  await shot('01-login');
});
await check('sign-in: no serious barriers (axe)', () => axe('the sign-in page', '登录'));
await check('a wrong password is said clearly', async () => {
  await signIn('not the password');
  await page.getByText('用户名或密码不正确。').waitFor();
  await shot('02-login-refused');
});
await check('the sign-in page speaks three languages', async () => {
  for (const [pick, title, tag] of [['English', 'Sign in', 'en'], ['繁體中文', '登入', 'zh-TW'], ['简体中文', '登录', 'zh-CN']]) {
    await page.getByRole('button', { name: /语言|語言|Language/ }).click();
    await page.getByRole('menuitem', { name: pick }).click();
    await heading(title).waitFor();
    equal(await page.locator('html').getAttribute('lang'), tag, 'language of the page');
  }
});
await need('signing in leads to where the visitor wanted to go', async () => {
  await signIn();
  await heading(entity(inquiryEntity).plural).waitFor();
  equal(path(), `${list(inquiryEntity)}?size=20`, 'address');
  equal(await page.title(), `${entity(inquiryEntity).plural} · ${model.agency.name}`, 'title');
});
await check('the session outlives a reload', async () => {
  await page.reload();
  await heading(entity(inquiryEntity).plural).waitFor();
});
await check('the language changes everywhere and is kept for the user', async () => {
  for (const [pick, tag] of [['繁體中文', 'zh-TW'], ['English', 'en']]) {
    const translated = (await api.get(`/model?locale=${tag}`)).entities[inquiryEntity];
    await page.getByRole('button', { name: /语言|語言|Language/ }).click();
    await page.getByRole('menuitem', { name: pick }).click();
    await heading(translated.plural).waitFor();
    await until(async () => (await api.get('/me')).locale === tag, 'the user has the language');
  }
  await page.reload();
  await page.getByRole('button', { name: 'Refresh' }).waitFor();
  equal(await page.locator('html').getAttribute('lang'), 'en', 'language after a reload');
  await page.getByRole('button', { name: /Language/ }).click();
  await page.getByRole('menuitem', { name: '简体中文' }).click();
  await heading(entity(inquiryEntity).plural).waitFor();
});

// ---- A customer
let customer;
await check('the navigation leads to the customers', async () => {
  await navigate(moduleLabel('customers'), entity(customerEntity).plural);
  await heading(entity(customerEntity).plural).waitFor();
  equal(path(), list(customerEntity), 'address');
});
await check('an empty form says what is missing', async () => {
  await page.getByRole('link', { name: `新建${entity(customerEntity).label}` }).first().click();
  await input(customerEntity, 'name').waitFor();
  await button('保存').click();
  await page.getByText(`请填写${label(customerEntity, 'name')}`).waitFor();
});
await need('a customer 王芳 is created', async () => {
  await input(customerEntity, 'name').fill('王芳');
  await select(input(customerEntity, 'kind'), choice(customerEntity, 'kind', 'person'));
  await input(customerEntity, 'phone').fill('13800001234');
  await input(customerEntity, 'email').fill('wangfang@example.cn');
  customer = await save();
  await heading('王芳').waitFor();
  equal((await api.get(`/records/${customerEntity}/${customer}`)).name, '王芳', 'name on the server');
});

// ---- An inquiry
let inquiry;
const inquiryPath = () => `/records/${inquiryEntity}/${inquiry}`;
await check('the form of an inquiry finds the customer by name', async () => {
  await go(`${list(inquiryEntity)}/new`);
  await select(input(inquiryEntity, 'customer'), '王芳', '王芳');
  await select(input(inquiryEntity, 'channel'), choice(inquiryEntity, 'channel', 'wechat'));
  await input(inquiryEntity, 'destination').fill('云南丽江、大理');
  await input(inquiryEntity, 'depart_on').fill('2027-02-10');
  await input(inquiryEntity, 'depart_on').press('Enter');
  await input(inquiryEntity, 'party_size').fill('4');
  await input(inquiryEntity, 'budget').fill('12,000.5');
  await shot('03-form');
});
await check('form: no serious barriers (axe)', () => axe('the form', `新建${entity(inquiryEntity).label}`));
await check('a mistake that only the server finds stands at its field', async () => {
  // The console would not send this: the request is changed on its way, so that the server's own check answers.
  const url = `**/api/v1/records/${inquiryEntity}`;
  await page.route(url, (route) => route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), party_size: 100000 }) }));
  await button('保存').click();
  const field = input(inquiryEntity, 'party_size');
  await until(async () => (await field.getAttribute('aria-invalid')) === 'true', 'the field is marked');
  const described = await field.getAttribute('aria-describedby');
  assert(described, 'the field is not tied to its message');
  const text = await page.locator(`[id="${described.split(' ')[0]}"]`).innerText();
  assert(text.trim().length > 3, 'there is no message at the field');
  equal(path(), `${list(inquiryEntity)}/new`, 'address');
  await shot('04-form-refused');
  await page.unroute(url);
});
await need('the inquiry is created, its amount exact', async () => {
  await input(inquiryEntity, 'party_size').fill('4');
  inquiry = await save();
  const stored = await api.get(`/records/${inquiryEntity}/${inquiry}`);
  equal([stored.customer, stored.channel, stored.destination, stored.depart_on, stored.party_size], [customer, 'wechat', '云南丽江、大理', '2027-02-10', 4], 'stored');
  equal([stored.budget, stored.budget_currency, stored.per_head], ['12000.50', 'CNY', '3000.12'], 'amounts');
  await page.getByText('¥12,000.50').waitFor();
  await page.getByRole('link', { name: '王芳' }).waitFor();
});
await check('an edit sends only what changed, on its version', async () => {
  await page.getByRole('link', { name: '编辑', exact: true }).click();
  await input(inquiryEntity, 'budget').fill('20000');
  const [request] = await Promise.all([page.waitForRequest((one) => one.method() === 'PATCH'), save()]);
  equal(request.postDataJSON(), { budget: '20000.00', budget_currency: 'CNY' }, 'body');
  equal(request.headers()['if-match'], '"1"', 'If-Match');
  await page.getByText('¥20,000.00').first().waitFor(); // the history beside it may show the amount, too
});
await check('unsaved work is not lost by a click', async () => {
  await page.getByRole('link', { name: '编辑', exact: true }).click();
  await input(inquiryEntity, 'destination').fill('忘记保存');
  await navigate(moduleLabel('customers'), entity(customerEntity).plural);
  await button('继续编辑').click();
  equal(await input(inquiryEntity, 'destination').inputValue(), '忘记保存', 'what was typed');
  await page.getByRole('link', { name: '取消', exact: true }).click();
  await button('放弃修改').click();
  await page.waitForURL(base + inquiryPath());
});

// ---- A conflict
await check('a parallel edit is shown field by field, and mine is kept on the new version', async () => {
  await go(`${inquiryPath()}/edit`);
  await input(inquiryEntity, 'destination').fill('云南丽江、香格里拉');
  await input(inquiryEntity, 'party_size').fill('5');
  await api.patch(`/records/${inquiryEntity}/${inquiry}`, { destination: '云南西双版纳', party_size: 6, budget: '24000.00' });
  await button('保存').click();
  const dialog = page.getByRole('dialog', { name: '此记录已被他人修改' });
  await dialog.waitFor();
  const rows = await dialog.locator('tbody tr').allInnerTexts();
  assert(rows.some((row) => row.includes('云南丽江、香格里拉') && row.includes('云南西双版纳')), `rows: ${rows.join(' | ')}`);
  assert(rows.some((row) => row.includes('¥24,000.00')), 'what only they changed is not shown');
  await shot('05-conflict');
  await axe('the dialog of a conflict');
  await dialog.getByRole('radio', { name: `${label(inquiryEntity, 'party_size')}：对方的` }).click();
  await button('保存所选内容', dialog).click();
  await page.waitForURL(base + inquiryPath());
  const stored = await api.get(`/records/${inquiryEntity}/${inquiry}`);
  equal([stored.destination, stored.party_size, stored.budget], ['云南丽江、香格里拉', 6, '24000.00'], 'stored');
});

// ---- The workflow
await check('the record page shows state and steps', async () => {
  await go(inquiryPath());
  await button(step('contact')).waitFor();
  equal(await stateTag(), state('new'), 'state');
});
for (const [transition, to] of [['contact', 'contacted'], ['qualify', 'qualified'], ['propose', 'proposed'], ['win', 'won']]) {
  await check(`${transition} leads to ${to}`, async () => {
    await run(transition);
    await until(async () => (await stateTag()) === state(to), `state ${to}`);
    equal((await api.get(`/records/${inquiryEntity}/${inquiry}`)).state, to, 'state on the server');
    if (transition === 'qualify') await shot('06-record', true);
  });
}
await check('the timeline tells every step, with who, old and new', async () => {
  const timeline = page.getByRole('list', { name: '动态' });
  for (const transition of ['contact', 'qualify', 'propose', 'win']) await timeline.getByText(`执行：${step(transition)}`, { exact: true }).waitFor();
  const events = await timeline.getByRole('listitem').allInnerTexts();
  const last = events[0];
  assert(last.includes(state('proposed')) && last.includes(state('won')), `newest event: ${last}`);
  assert(/\d{4}\/\d{2}\/\d{2} \d{2}:\d{2}/.test(last), `no time: ${last}`);
  const me = await api.get('/me');
  assert(last.includes(me.name || me.username), `no actor: ${last}`);
  assert(events.at(-1).includes('创建了记录'), `oldest event: ${events.at(-1)}`);
  await shot('07-record-won', true);
});
await check('record: no serious barriers (axe)', async () => axe('the record page', (await api.get(`/records/${inquiryEntity}/${inquiry}`)).number));
await check('a step that is not possible tells why', async () => {
  const made = await api.post(`/records/${inquiryEntity}`, { customer, channel: 'phone' });
  await api.post(`/records/${inquiryEntity}/${made.id}/transitions/contact`, {});
  const { items } = await api.get(`/records/${inquiryEntity}/${made.id}/transitions`);
  const qualify = items.find((one) => one.name === 'qualify');
  await go(`/records/${inquiryEntity}/${made.id}`);
  await button(step('qualify')).waitFor();
  if (qualify.allowed) {
    await run('qualify');
    await page.getByRole('dialog').waitFor();
  } else {
    equal(await button(step('qualify')).getAttribute('aria-disabled'), 'true', 'aria-disabled');
    await button(step('qualify')).focus();
    await page.getByRole('tooltip').filter({ hasText: qualify.why }).waitFor();
    assert(qualify.why.length > 3, 'no reason given');
  }
  equal((await api.get(`/records/${inquiryEntity}/${made.id}`)).state, 'contacted', 'state');
});
await check('a step with a form asks for its fields', async () => {
  const made = await api.post(`/records/${inquiryEntity}`, { customer, channel: 'phone' });
  await go(`/records/${inquiryEntity}/${made.id}`);
  await run('lose');
  const dialog = page.getByRole('dialog', { name: step('lose') });
  await select(input(inquiryEntity, 'lost_reason', dialog), choice(inquiryEntity, 'lost_reason', 'price'));
  await dialog.getByLabel('备注').fill('比同行贵两千');
  await shot('08-step-form');
  await button(step('lose'), dialog).click();
  await until(async () => (await stateTag()) === state('lost'), 'state lost');
  await page.getByText('比同行贵两千').waitFor();
  equal((await api.get(`/records/${inquiryEntity}/${made.id}`)).lost_reason, 'price', 'reason on the server');
});

// ---- The list
await check('the list is there with enough records to page', async () => {
  const { total } = await api.get(`/records/${inquiryEntity}?limit=1&count=1`);
  const channels = ['phone', 'wechat', 'website', 'walk_in'];
  const places = ['三亚亲子游', '新疆伊犁环线', '日本东京 · 富士山', '西安研学', '瑞士少女峰'];
  for (let index = total; index < 45; index += 1) {
    await api.post(`/records/${inquiryEntity}`, {
      customer, channel: channels[index % 4], destination: places[index % 5], depart_on: `2027-0${1 + (index % 6)}-15`,
      party_size: 1 + (index % 7), budget: `${3000 + index * 731}.00`,
    });
  }
  await go(list(inquiryEntity));
  await tableLoaded();
  await shot('09-list');
});
await check('list: no serious barriers (axe)', () => axe('the list', entity(inquiryEntity).plural));
await check('the state filter is in the address and finds what was won', async () => {
  await select(page.getByRole('combobox', { name: '状态', exact: true }), state('won'));
  await page.waitForURL((url) => url.searchParams.get('state') === 'won');
  await page.keyboard.press('Escape');
  await tableLoaded();
  const { number } = await api.get(`/records/${inquiryEntity}/${inquiry}`);
  await page.getByRole('link', { name: number }).waitFor();
  const { items } = await api.get(`/records/${inquiryEntity}?filter=${encodeURIComponent('record.state == "won"')}&limit=50`);
  await until(async () => (await page.locator('tr[data-row-key]').count()) === items.length, `${items.length} rows`);
  await page.reload();
  await page.getByRole('link', { name: number }).waitFor();
  await button('清除条件').click();
  await page.waitForURL((url) => !url.searchParams.has('state'));
});
await check('the search finds by word', async () => {
  await page.getByRole('searchbox').fill('香格里拉');
  await page.waitForURL((url) => url.searchParams.get('q') === '香格里拉');
  const rows = () => page.locator('tr[data-row-key]').allInnerTexts();
  await until(async () => (await rows()).length > 0 && (await rows()).every((row) => row.includes('香格里拉')), 'only rows with the word');
});
await check('pages go on and back without a record twice', async () => {
  await go(`${list(inquiryEntity)}?size=20`);
  await tableLoaded();
  const keys = () => page.locator('tr[data-row-key]').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-row-key')));
  const first = await keys();
  equal(first.length, 20, 'rows on page 1');
  await button('下一页').click();
  await page.getByText('第 2 页').waitFor();
  await until(async () => (await keys())[0] !== first[0], 'page 2 is shown');
  await tableLoaded();
  const second = await keys();
  equal(first.filter((key) => second.includes(key)), [], 'records on both pages');
  await page.reload();
  await tableLoaded();
  equal(await keys(), second, 'page 2 after a reload');
  await button('上一页').click();
  await page.getByText('第 1 页').waitFor();
  await until(async () => (await keys())[0] === first[0], 'page 1 is shown again');
});
await check('a click on a column sorts on the server', async () => {
  await page.getByRole('columnheader', { name: label(inquiryEntity, 'budget') }).click();
  await page.waitForURL((url) => url.searchParams.get('sort') === 'budget');
  await tableLoaded();
  await page.getByRole('columnheader', { name: label(inquiryEntity, 'budget') }).click();
  await page.waitForURL((url) => url.searchParams.get('sort') === '-budget');
  await tableLoaded();
  const { items } = await api.get(`/records/${inquiryEntity}?sort=-budget&limit=20`);
  await until(async () => (await page.locator('tr[data-row-key]').first().getAttribute('data-row-key')) === items[0].id, 'the greatest amount is first');
});

// ---- Views and pages
const viewNamed = (name) => entity(inquiryEntity).views.find((one) => one.name === name);
const view = (name) => `${list(inquiryEntity)}?view=${name}`;
const boardColumn = (name) => page.getByRole('region', { name: state(name), exact: true });
const card = (number, scope = page) => scope.locator('.card').filter({ has: page.getByRole('link', { name: number, exact: true }) });
const stateOn = async (id) => (await api.get(`/records/${inquiryEntity}/${id}`)).state;
/** Drags with the mouse, in steps as a hand does. */
async function drag(from, to) {
  const [a, b] = [await from.boundingBox(), await to.boundingBox()];
  await page.mouse.move(a.x + a.width / 2, a.y + a.height - 6);
  await page.mouse.down();
  await page.mouse.move(a.x + a.width / 2 + 12, a.y + a.height, { steps: 4 });
  await page.mouse.move(b.x + b.width / 2, b.y + 60, { steps: 12 });
  await page.waitForTimeout(150);
}
let dragged;
await check('the board is chosen beside the list and has the states as columns', async () => {
  await page.setViewportSize({ width: 1920, height: 900 }); // all columns beside each other
  dragged = await api.post(`/records/${inquiryEntity}`, { customer, channel: 'phone', destination: '贵州黄果树', party_size: 2, budget: '8000.00' });
  await go(list(inquiryEntity));
  await tableLoaded();
  await page.locator('.toolbar .ant-segmented-item').filter({ hasText: viewNamed('sales.inquiry_board').label }).click();
  await page.waitForURL((url) => url.searchParams.get('view') === 'sales.inquiry_board');
  await card(dragged.number, boardColumn('new')).waitFor();
  equal(await page.locator('.board-column h2').allInnerTexts(), entity(inquiryEntity).states.map((one) => one.label), 'columns');
  const { items } = await api.get(`/records/${inquiryEntity}/aggregate?group=state`);
  for (const { group, count } of items) await until(async () => (await boardColumn(group.state).locator('.board-count').innerText()) === String(count), `count of ${group.state}`);
  await shot('11-board');
});
await check('board: no serious barriers (axe)', () => axe('the board', entity(inquiryEntity).plural));
await check('a card is dragged to the state that a step leads to', async () => {
  await drag(card(dragged.number), boardColumn('contacted'));
  await shot('12-board-dragging');
  await page.mouse.up();
  await card(dragged.number, boardColumn('contacted')).waitFor();
  await until(async () => (await stateOn(dragged.id)) === 'contacted', 'state on the server');
});
await check('a card goes nowhere that no step leads to, and says so', async () => {
  await drag(card(dragged.number), boardColumn('won'));
  await page.mouse.up();
  await page.getByText(`不能从“${state('contacted')}”直接到“${state('won')}”。`).waitFor();
  equal(await stateOn(dragged.id), 'contacted', 'state on the server');
});
await check('a step with a form asks for it on the board, too', async () => {
  await drag(card(dragged.number), boardColumn('lost'));
  await page.mouse.up();
  const dialog = page.getByRole('dialog', { name: step('lose') });
  await select(input(inquiryEntity, 'lost_reason', dialog), choice(inquiryEntity, 'lost_reason', 'dates'));
  await button(step('lose'), dialog).click();
  await card(dragged.number, boardColumn('lost')).waitFor();
  equal(await stateOn(dragged.id), 'lost', 'state on the server');
});
await check('the keyboard moves a card by its menu', async () => {
  const made = await api.post(`/records/${inquiryEntity}`, { customer, channel: 'website', destination: '桂林' });
  await page.getByRole('button', { name: '刷新' }).click();
  await card(made.number, boardColumn('new')).waitFor();
  await button(`移动“${made.number}”`).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: step('contact') }).waitFor();
  await shot('13-board-menu');
  await page.keyboard.press('Tab');
  const item = page.getByRole('menuitem', { name: step('contact') });
  for (let tries = 0; tries < 8 && !(await item.evaluate((one) => one === document.activeElement)); tries += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await card(made.number, boardColumn('contacted')).waitFor();
  equal(await stateOn(made.id), 'contacted', 'state on the server');
});
await page.setViewportSize({ width: 1366, height: 860 });
await check('the calendar has departures on their days, by month and by week', async () => {
  // Today where the agency is, whatever the browser's zone.
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: model.agency.time_zone }).format(new Date());
  const made = await api.post(`/records/${inquiryEntity}`, { customer, channel: 'phone', destination: '今日出发团', depart_on: today, party_size: 3 });
  for (let index = 0; index < 5; index += 1) await api.post(`/records/${inquiryEntity}`, { customer, channel: 'phone', destination: `同日团 ${index + 1}`, depart_on: `${today.slice(0, 8)}1${index % 2}`, party_size: 2 + index });
  await go(view('sales.inquiry_departures'));
  const entry = page.getByRole('link', { name: /今日出发团/ });
  await entry.waitFor();
  equal(await page.locator('.day-today').getByRole('link', { name: /今日出发团/ }).count(), 1, 'entries on today');
  equal(await page.locator('.day-today .day-number').innerText(), String(Number(today.slice(8))), 'today');
  await shot('14-calendar-month');
  await axe('the calendar', entity(inquiryEntity).plural);
  await page.locator('.range-bar .ant-segmented-item').filter({ hasText: '周' }).click();
  await page.locator('.week').getByRole('link', { name: /今日出发团/ }).waitFor();
  await shot('15-calendar-week');
  await entry.click();
  await page.waitForURL(`${base}/records/${inquiryEntity}/${made.id}`);
});
await check('the timeline has bars in the lanes of their owners', async () => {
  const me = await api.get('/me');
  for (let index = 0; index < 6; index += 1) {
    const at = new Date(Date.now() + (index + 1) * 26 * 3_600_000).toISOString();
    await api.post(`/records/${inquiryEntity}`, { customer, channel: 'wechat', destination: `答复 ${index + 1}`, promised_at: at, ...(index % 2 ? { owner: me.id } : { owner: null }) });
  }
  // The search index follows writes within a second or two.
  await until(async () => (await api.get(`/records/${inquiryEntity}?q=${encodeURIComponent('答复')}&limit=10`)).items.length === 6, 'the index has them');
  await go(`${view('sales.inquiry_promises')}&q=${encodeURIComponent('答复')}`);
  await page.locator('.vis-item').filter({ hasText: '答复 2' }).first().waitFor();
  assert((await page.locator('.vis-labelset .vis-label').allInnerTexts()).some((text) => text.includes(me.name || me.username)), 'no lane of the owner');
  await shot('16-timeline');
  await axe('the timeline', entity(inquiryEntity).plural);
  await page.locator('.range-bar .ant-segmented-item').filter({ hasText: '表格' }).click();
  await page.getByRole('columnheader', { name: label(inquiryEntity, 'promised_at') }).waitFor();
  await page.locator('.range-bar .ant-segmented-item').filter({ hasText: '图形' }).click();
  await page.locator('.vis-item').filter({ hasText: '答复 2' }).first().locator('a').click();
  await page.waitForURL((url) => /^\/records\/sales\.inquiry\/\d+$/.test(url.pathname));
});
await check('a page of blocks stands in the navigation and shows charts, texts and lists', async () => {
  const desk = model.pages['sales.desk'];
  await page.getByRole('navigation', { name: '导航' }).getByRole('link', { name: desk.label, exact: true }).click();
  await heading(desk.label).waitFor();
  equal(path(), '/pages/sales.desk', 'address');
  for (const block of desk.blocks.filter((one) => one.label)) await page.getByRole('heading', { level: 2, name: block.label, exact: true }).waitFor();
  await page.locator('.drawing canvas').nth(2).waitFor();
  await page.getByText('24 小时内').waitFor();
  const counted = await api.get(`/records/${inquiryEntity}/aggregate?filter=${encodeURIComponent(desk.blocks.find((one) => one.name === 'open').filter)}`);
  equal((await page.locator('.figure').first().innerText()).trim(), String(counted.items[0].count), 'open inquiries');
  await shot('17-page', true);
  await axe('the page', desk.label);
  const chart = page.locator('section.block').filter({ has: page.getByRole('heading', { name: desk.blocks.find((one) => one.name === 'stages').label }) });
  await chart.locator('.ant-segmented-item').filter({ hasText: '表格' }).click();
  await chart.getByRole('cell', { name: state('won') }).waitFor();
  await go('/pages/customers.portrait');
  await page.locator('.drawing canvas').nth(1).waitFor();
  await shot('18-page-customers', true);
});

// ---- The edges
await check('what is not there is said', async () => {
  await go('/records/no.such');
  await heading('找不到这条记录').waitFor();
  await go(`/records/${inquiryEntity}/999999999`);
  await heading('找不到这条记录').waitFor();
  await go('/nowhere');
  await heading('页面不存在').waitFor();
});
await check('handbook: its parts, charts and links, without serious barriers (axe)', async () => {
  await go('/');
  await page.getByRole('button', { name: /^账户/ }).click();
  await page.getByRole('menuitem', { name: '操作手册' }).click();
  await heading('操作手册').waitFor();
  const contents = page.getByRole('navigation', { name: '目录' });
  await contents.getByRole('link', { name: model.modules.find((one) => one.name === 'sales').label, exact: true }).click();
  const chart = page.getByRole('img', { name: `流程图：${entity(inquiryEntity).label}` });
  await chart.waitFor();
  for (const one of entity(inquiryEntity).states) assert((await chart.textContent()).includes(one.label), `the chart lacks ${one.label}`);
  await axe('the handbook', '操作手册');
  await shot('11-handbook');
  await contents.getByRole('link', { name: '岗位职责' }).click();
  await page.getByRole('heading', { level: 2, name: '岗位职责' }).waitFor();
  await go('/api/v1/handbook?format=html&locale=zh-CN');
  await page.getByRole('heading', { level: 1 }).waitFor();
  const { violations } = await page.evaluate(`${axeSource}; window.axe.run(document, { resultTypes: ['violations'] })`);
  equal(violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => one.id), [], 'barriers of the printed handbook');
});
// ---- Everyday work
await check('my day tells what is mine and leads there', async () => {
  await api.patch(`/records/${inquiryEntity}/${inquiry}`, { owner: (await api.get('/me')).id });
  await go('/');
  await heading('我的工作台').waitFor();
  await page.getByRole('heading', { level: 2, name: '我负责的未完成事项' }).waitFor();
  await conforms('my day');
  await shot('12-day');
});
await check('Ctrl-K finds a page by its pinyin and goes there', async () => {
  await page.keyboard.press('Control+k');
  const box = page.getByRole('combobox', { name: '搜索记录，或输入要前往的页面' });
  await box.fill('czsc'); // 操作手册
  await page.getByRole('option', { name: '操作手册' }).first().waitFor();
  await shot('13-palette');
  for (let tries = 0; tries < 10 && !(await page.locator('[role="option"][aria-selected="true"]').innerText()).includes('操作手册'); tries += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await heading('操作手册').waitFor();
});
await check('conditions that are put together filter the list', async () => {
  await go(list(inquiryEntity));
  await tableLoaded();
  await button('筛选').click();
  const builder = page.getByRole('group', { name: '筛选' });
  await builder.getByRole('button', { name: '添加条件' }).click();
  await select(builder.getByRole('combobox', { name: '字段', exact: true }), label(inquiryEntity, 'destination'), label(inquiryEntity, 'destination'));
  await builder.getByRole('textbox').fill('丽江');
  const rule = 'record.destination.contains("丽江")';
  await builder.getByText(rule).waitFor();
  const total = (await api.get(`/records/${inquiryEntity}?count=1&limit=1&filter=${encodeURIComponent(rule)}`)).total;
  await page.getByText(`共 ${total} 条`).waitFor();
  await conforms('the filter builder');
  await shot('14-filter');
});
await check('a view is saved, left, and taken up again', async () => {
  await button(/已存视图/).click();
  await page.getByRole('menuitem', { name: '另存为新视图…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: '视图名称' }).fill('丽江的咨询');
  await button('保存', dialog).click();
  await page.getByRole('button', { name: /^丽江的咨询/ }).waitFor();
  await go(list(inquiryEntity));
  await tableLoaded();
  await button(/已存视图/).click();
  await page.getByRole('menuitem', { name: '丽江的咨询' }).click();
  await button(/筛选（1）/).waitFor();
  const rows = () => page.locator('tr[data-row-key]').allInnerTexts();
  await until(async () => (await rows()).length > 0 && (await rows()).every((row) => row.includes('丽江')), 'only rows with the word');
});
await check('a field is changed in the list', async () => {
  await page.locator('tr[data-row-key]').first().hover();
  const cell = page.locator('tr[data-row-key]').first().getByRole('button', { name: new RegExp(`“${label(inquiryEntity, 'destination')}”$`) });
  await cell.click();
  const editor = page.getByRole('dialog');
  await editor.getByRole('textbox', { name: label(inquiryEntity, 'destination') }).fill('丽江、泸沽湖');
  await button('保存', editor).click();
  await page.getByRole('cell', { name: '丽江、泸沽湖' }).waitFor();
});
await check('many records take a step, each with its result', async () => {
  for (const people of [2, null]) await api.post(`/records/${inquiryEntity}`, { customer, channel: 'phone', destination: '批量', ...(people ? { party_size: people } : {}) });
  const found = await api.get(`/records/${inquiryEntity}?filter=${encodeURIComponent('record.destination == "批量"')}`);
  for (const one of found.items) await api.post(`/records/${inquiryEntity}/${one.id}/transitions/contact`, {});
  await go(`${list(inquiryEntity)}?where=${encodeURIComponent('[["destination","is","批量"]]')}`);
  await page.getByText('共 2 条').waitFor();
  await page.getByRole('checkbox', { name: '选择本页全部' }).check();
  const bar = page.getByRole('region', { name: '批量操作' });
  await bar.getByText('已选 2 条').waitFor();
  await conforms('the chosen rows');
  await button('执行步骤…', bar).click();
  await page.getByRole('menuitem', { name: step('qualify') }).click();
  await button(step('qualify'), page.getByRole('dialog')).click();
  await page.getByText('已完成 1 条，未执行 1 条，等待审批 0 条').waitFor();
  await conforms('the results');
  await shot('15-bulk');
  await page.getByRole('dialog').getByRole('button', { name: '关闭' }).last().click();
});
await check('a comment stands in the history and survives a reload before it is sent', async () => {
  await go(inquiryPath());
  const box = page.getByRole('textbox', { name: '写评论' });
  await box.fill('请周五前回电');
  await page.reload();
  await box.waitFor();
  equal(await box.inputValue(), '请周五前回电', 'the comment after a reload');
  await button('发表').click();
  await page.locator('.event-comment').getByText('请周五前回电').waitFor();
  await conforms('the record page');
  await shot('16-record');
});
await check('a colleague whose name is only typed is told; of a name that nobody has it is said', async () => {
  const name = `孟姜${Date.now() % 100_000}`;
  const colleague = await api.post('/records/core.user', { username: `meng.${Date.now()}`, name, roles: ['sales.sales_manager'] });
  const box = page.getByRole('textbox', { name: '写评论' });
  await box.fill(`@${name}么 请看`);
  await page.keyboard.press('Escape');
  await button('发表').click();
  await page.getByRole('alert').filter({ hasText: `@${name}么` }).waitFor();
  await box.fill(`@${name} 请看`);
  await page.keyboard.press('Escape');
  const [answer] = await Promise.all([page.waitForResponse((one) => one.request().method() === 'POST' && one.url().endsWith('/comments')), button('发表').click()]);
  equal((await answer.json()).told, [colleague.id], 'who was told');
});
await check('a session that ends over what is typed is begun anew above it', async () => {
  const box = page.getByRole('textbox', { name: '写评论' });
  await until(async () => (await box.inputValue()) === '', 'the comment was sent');
  await box.fill('登录失效前写的');
  await context.clearCookies();
  await button('发表').click();
  await page.getByLabel('密码', { exact: true }).fill(password);
  await page.keyboard.press('Enter');
  await page.getByLabel('密码', { exact: true }).waitFor({ state: 'detached' });
  equal(await box.inputValue(), '登录失效前写的', 'the comment after signing in');
  await button('发表').click();
  await page.locator('.event-comment').getByText('登录失效前写的').waitFor();
  // And what others do shows again.
  await api.post(`/records/${inquiryEntity}/${inquiry}/comments`, { text: '同事随后写的' });
  await page.locator('.event-comment').getByText('同事随后写的').waitFor();
});
await check('two clicks make one record', async () => {
  const name = `双击${Date.now()}`;
  await go(`/records/${customerEntity}/new`);
  await input(customerEntity, 'name').fill(name);
  await button('保存').dblclick();
  await heading(name).waitFor();
  equal((await api.get(`/records/${customerEntity}?limit=5&filter=${encodeURIComponent(`record.name == "${name}"`)}`)).items.length, 1, 'customers of that name');
});
await check('a file is imported; what was refused is mended and comes in as well', async () => {
  const mark = `导入${Date.now() % 100_000}`;
  const who = `文件客户${mark}`;
  await api.post(`/records/${customerEntity}`, { name: who, kind: 'person' });
  const file = (text, name) => page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
  const result = () => page.getByRole('status').filter({ hasText: /^共/ });
  const feed = async (text, name, expected) => {
    await file(text, name);
    await button('预检（不保存）').click();
    await result().getByText(expected).waitFor();
    await button('开始导入').click();
    await button('再导入一个文件').waitFor();
    await result().getByText(expected).waitFor();
  };
  await go('/admin/import');
  await select(page.getByRole('combobox', { name: '记录类型' }), entity(inquiryEntity).label, entity(inquiryEntity).label);
  const column = (name) => label(inquiryEntity, name);
  await feed(`${['customer', 'channel', 'destination', 'depart_on', 'budget'].map(column).join(',')}\n${who},电话,${mark},2027/1/5,"12,000"\n${who},传真,${mark},2027年3月9日,8000\n`, `${mark}.csv`, '新增 1');
  const refused = await page.evaluate(async (href) => (await fetch(href)).text(), await page.getByRole('link', { name: '下载失败行文件' }).getAttribute('href'));
  await page.reload();
  await button('再导入一个文件').click();
  await feed(refused.replace('传真', '微信'), 'errors.csv', '新增 1');
  const made = await api.get(`/records/${inquiryEntity}?sort=id&filter=${encodeURIComponent(`record.destination == "${mark}"`)}`);
  equal(made.items.map((one) => [one.channel, one.depart_on, one.budget, one.external_source, one.external_id]), [['phone', '2027-01-05', '12000.00', `${mark}.csv`, '1'], ['wechat', '2027-03-09', '8000.00', `${mark}.csv`, '2']], 'what was imported');
});
await check('a customer shows the inquiries that refer to him', async () => {
  await go(`/records/${customerEntity}/${customer}`);
  await page.getByRole('heading', { level: 2, name: new RegExp(`^${entity(inquiryEntity).plural}( |$)`) }).waitFor();
  await page.locator('table.related').first().waitFor();
});

// ---- Administration, in both themes
const administration = [
  ['/admin/people', '用户与角色'], ['/admin/people?tab=roles', '用户与角色'], ['/admin/workflow?entity=sales.inquiry', '业务流程'], ['/admin/rules', '自动化与定时任务'], ['/admin/plugins', '插件'],
  ['/duplicates', '重复记录'], ['/admin/search', '搜索索引'], ['/admin/jobs', '后台任务'], ['/admin/audit', '审计'], ['/admin/configuration', '配置'], ['/admin/configuration?kind=entity&name=sales.inquiry', '配置'], ['/admin/configuration?tab=revisions', '配置'], ['/admin/configuration?tab=upgrades', '配置'], ['/settings', '设置'],
];
await check('administration: every page is there, without barriers, light and dark', async () => {
  for (const theme of ['dark', 'light']) {
    await page.evaluate((one) => localStorage.setItem('caravan.appearance', one), theme);
    for (const [where, title] of [...administration, ['/', '我的工作台'], [list(inquiryEntity), entity(inquiryEntity).plural], [inquiryPath(), undefined]]) {
      await go(where);
      await (title ? heading(title) : page.getByRole('heading', { level: 1 })).waitFor();
      await page.waitForLoadState('networkidle');
      equal(await page.evaluate(() => document.documentElement.dataset.theme), theme, 'theme');
      await conforms(`${where} (${theme})`);
      await shot(`20-${theme}-${where.replace(/\W+/g, '-')}`);
    }
  }
});
await check('why a person may see a record is told rule by rule', async () => {
  const me = await api.get('/me');
  await go(`/admin/people?tab=access&user=${me.id}&entity=${inquiryEntity}&id=${inquiry}`);
  await page.locator('.access-operation').first().waitFor();
  await conforms('the explanation of access');
});
await check('the histories are checked from the console', async () => {
  await go('/admin/audit');
  await button('开始校验').click();
  await page.getByText(/已校验 \d+ 条记录、\d+ 条历史。 未发现篡改。/).waitFor({ timeout: 60_000 });
});
await check('the diagram of a workflow counts the records in each state', async () => {
  await go(`/admin/workflow?entity=${inquiryEntity}`);
  const { items } = await api.get(`/records/${inquiryEntity}/aggregate?group=state&measure=count`);
  for (const item of items) {
    const node = page.locator(`.react-flow__node[data-id="${item.group.state}"]`);
    await node.getByText(String(item.count), { exact: true }).waitFor();
  }
});

// ---- Definitions: a label is changed, a mistake seen and mended, published, and taken back
const overlay = `/admin/configuration?kind=entity&name=${inquiryEntity}`;
const said = 'kind: entity\nname: sales.inquiry\nfields:\n  destination: {label: {en: Whither, zh-CN: 出行去向, zh-TW: 出行去向}}\n';
const yaml = () => page.getByRole('textbox', { name: `${inquiryEntity} 的控制台 YAML` });
async function writeYaml(text) {
  await yaml().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}
let before;
await check('a wrong word in a definition is found while it is typed', async () => {
  before = (await api.get('/admin/config')).base;
  await go(overlay);
  await page.getByRole('textbox', { name: '插件 sales 的 YAML，只读' }).getByText('destination').first().waitFor();
  await writeYaml(said.replace('label', 'lable'));
  await page.getByText('1 处错误').waitFor();
  await page.locator('.cm-lintRange-error').first().waitFor();
  await page.getByRole('button', { name: '第 4 行，第 17 列' }).click();
  assert(await yaml().evaluate((one) => one === document.activeElement), 'the place of the mistake has no focus');
  await page.getByRole('button', { name: /^unknown-word/ }).click();
  await page.getByRole('dialog').getByText('正确示例').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  equal((await api.get('/admin/config')).base, before, 'revision');
  await shot('20-definition-mistake');
});
await check('words are completed by the schema, and the keyboard leaves the editor', async () => {
  await writeYaml('kind: entity\nname: sales.inquiry\nfields:\n  destination: {');
  await page.keyboard.type('la');
  const offer = page.locator('.cm-tooltip-autocomplete');
  await offer.getByText('label', { exact: true }).waitFor();
  await shot('21-definition-completion');
  await page.keyboard.press('Escape');
  await offer.waitFor({ state: 'hidden' });
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  assert(!(await yaml().evaluate((one) => one === document.activeElement)), 'Tab stays in the editor');
});
await check('the editor of definitions: nothing breaks WCAG AA', async () => {
  await writeYaml(said.replace('label', 'lable'));
  await page.getByText('1 处错误').waitFor();
  for (const theme of ['dark', 'light']) {
    await page.evaluate((one) => localStorage.setItem('caravan.appearance', one), theme);
    await go(overlay);
    await page.getByText('1 处错误').waitFor();
    await conforms(`the editor of definitions (${theme})`);
    await shot(`22-definition-${theme}`);
  }
  await page.evaluate(() => localStorage.removeItem('caravan.appearance'));
});
await check('a draft outlives a reload, is published with a comment, and the label changes', async () => {
  await go(overlay);
  await writeYaml(said);
  await page.getByText('没有错误，尚未发布。').waitFor();
  await page.reload();
  await yaml().getByText('出行去向').first().waitFor();
  await button('发布…').click();
  const dialog = page.getByRole('dialog', { name: '发布草稿' });
  await dialog.getByRole('textbox', { name: '更改内容和原因' }).fill('同事叫去向');
  await conforms('the dialog that publishes');
  await shot('23-definition-publish');
  await button('发布', dialog).click();
  await page.getByText(/^版本 \d+ 已启用$/).waitFor();
  await go(`${list(inquiryEntity)}/new`);
  await page.getByLabel('出行去向', { exact: true }).waitFor();
});
await check('the workflow page shows findings and the overlay beside the diagram', async () => {
  await go(`/admin/workflow?entity=${inquiryEntity}`);
  await page.getByRole('heading', { name: '检查结果' }).waitFor();
  await page.getByRole('tab', { name: '修改' }).click();
  await yaml().getByText('出行去向').first().waitFor();
  await conforms('the workflow page with its overlay');
  await shot('24-workflow-overlay');
});
await check('an earlier revision is compared and comes back', async () => {
  await go('/admin/configuration?tab=revisions');
  await button(`比较版本 ${before}`).click();
  await page.getByRole('dialog').getByText('出行去向').first().waitFor();
  await conforms('the comparison of two revisions');
  await shot('25-definition-compare');
  await button('启用此版本', page.locator('.ant-drawer')).click();
  await button('启用此版本', page.locator('.ant-modal-confirm')).click();
  await page.getByText('已启用').first().waitFor();
  await go(`${list(inquiryEntity)}/new`);
  await page.getByLabel(label(inquiryEntity, 'destination'), { exact: true }).waitFor();
  equal((await api.get('/admin/config')).base, before, 'revision');
});

await check('the console fits a telephone', async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  const phone = ['/', list(inquiryEntity), inquiryPath(), view('sales.inquiry_board'), '/dashboards', '/approvals', '/duplicates', '/records/sales.order/new', '/pages/aftersales.desk', '/pages/aftersales.calls', '/pages/guides.planning', '/pages/sales.desk', '/admin/people', '/admin/plugins', '/admin/jobs', '/settings', '/handbook?part=part-sales'];
  for (const where of [`${inquiryPath()}/edit`, view('sales.inquiry_departures'), ...administration.map(([where]) => where).filter((where) => !phone.includes(where))]) {
    await go(where);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForLoadState('networkidle');
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert(width <= 360, `${where} is ${width} px wide`);
  }
  await page.evaluate(() => localStorage.setItem('caravan.appearance', 'dark'));
  for (const where of phone) {
    await go(where);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForLoadState('networkidle');
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert(width <= 360, `${where} is ${width} px wide in the dark`);
    await conforms(`${where} on a telephone in the dark`);
  }
  await page.evaluate(() => localStorage.removeItem('caravan.appearance'));
  await go(list(inquiryEntity));
  await tableLoaded();
  await button('列设置').click();
  const menu = await page.locator('.columns-menu').boundingBox();
  assert(menu.x >= 0 && menu.x + menu.width <= 360, `the menu of columns is from ${menu.x} to ${menu.x + menu.width}`);
  await page.keyboard.press('Escape');
  await shot('10-phone-list');
  await button('打开导航').click();
  await navigate(moduleLabel('customers'), entity(customerEntity).plural);
  await heading(entity(customerEntity).plural).waitFor();
  await page.setViewportSize({ width: 1366, height: 860 });
});
await check('menus open inside the window for who wants no motion, too', async () => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  try {
    await go(list(inquiryEntity));
    await tableLoaded();
    const opens = async (opener, popup) => {
      await opener.click();
      await page.locator(popup).waitFor();
      await until(() => page.locator(popup).evaluate((element) => {
        const { left, right, top, bottom } = element.getBoundingClientRect();
        return left >= 0 && right <= window.innerWidth && top >= 0 && top < window.innerHeight && bottom > top;
      }), `${popup} is in the window`);
      await page.keyboard.press('Escape');
    };
    await opens(page.getByRole('button', { name: /^账户/ }), '.ant-dropdown');
    await opens(button('列设置'), '.ant-popover:has(.columns-menu)');
    await opens(page.locator('.toolbar').getByRole('combobox').first(), '.ant-select-dropdown');
  } finally {
    await page.emulateMedia({ reducedMotion: null });
  }
});
await check('a stranger sends a form from his telephone', async () => {
  const stranger = await browser.newContext({ viewport: { width: 360, height: 740 }, locale: 'zh-TW' });
  const form = await stranger.newPage();
  form.on('pageerror', (error) => complaints.push(`public page: ${error.message}`));
  form.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(`public page: ${message.text()}`);
  });
  try {
    await form.goto(`${base}/public/pages/sales.ask`);
    await form.getByRole('heading', { name: '諮詢行程' }).waitFor();
    await form.getByLabel(/^姓名/).fill('林小姐');
    await form.getByLabel('電話').fill('+886912345678');
    await form.getByLabel('旅遊人數').fill('2');
    await form.getByRole('button', { name: '送出' }).click();
    await form.getByText('請先勾選同意。').first().waitFor();
    await form.getByRole('checkbox').check();
    if (output) await form.screenshot({ path: join(output, '26-public-form.png'), fullPage: true });
    await form.evaluate(axeSource);
    const found = await form.evaluate(() => window.axe.run());
    equal(found.violations.map((one) => one.id), [], 'accessibility');
    assert((await form.evaluate(() => document.documentElement.scrollWidth)) <= 360, 'it is wider than a telephone');
    await form.getByRole('button', { name: '送出' }).click();
    await form.getByText(/REQ-\d{4}-\d{6}/).waitFor();
    equal((await stranger.cookies()).length, 0, 'cookies');
    await form.goto(`${base}/public/links/nonsense`);
    await form.getByRole('heading', { level: 1, name: /連結已失效/ }).waitFor();
    for (const where of ['/public/links/nonsense', '/public/pages/sales.ask']) {
      await form.emulateMedia({ colorScheme: 'dark' });
      await form.goto(base + where);
      await form.getByRole('heading', { level: 1 }).waitFor();
      await form.evaluate(axeSource);
      equal((await form.evaluate(() => window.axe.run())).violations.map((one) => one.id), [], `accessibility of ${where} in the dark`);
    }
  } finally {
    await stranger.close();
  }
});
// ---- The whole agency
await stories({ page, base, model, check, shot });
await days({ browser, base, api, password, model, check, shot: lastLook, complain: (text) => complaints.push(text) });
await check('pages of work, of plans, on paper and beside each other: nothing breaks WCAG AA', async () => {
  const offers = (await api.get('/records/sales.proposal?limit=2')).items;
  const inquiries = (await api.get(`/records/${inquiryEntity}?limit=2`)).items.map((one) => one.id);
  for (const [theme, where, ready] of [
    ['dark', '/pages/aftersales.desk', '.panel'], ['light', '/pages/guides.desk', '.block-button'], ['dark', `/records/sales.proposal/${offers[0].id}/print`, '.sheet table'],
    ['light', `/compare/${inquiryEntity}?ids=${inquiries.join(',')}`, '.compare'], ['light', '/pages/guides.planning', '.range-bar'],
    ['light', '/dashboards', '.report-table, .figure'], ['light', '/approvals', '.page'], ['light', '/admin/import', '.ant-steps'],
    ['dark', `${inquiryPath()}/edit`, 'form'], ['dark', view('sales.inquiry_departures'), '.month'],
  ]) {
    await page.evaluate((one) => localStorage.setItem('caravan.appearance', one), theme);
    await go(where);
    await page.locator(ready).first().waitFor();
    await page.waitForLoadState('networkidle');
    await conforms(`${where} (${theme})`);
  }
  await page.evaluate(() => localStorage.setItem('caravan.appearance', 'light'));
});
await check('the keyboard alone signs out', async () => {
  await page.getByRole('button', { name: /^账户/ }).focus();
  await page.keyboard.press('Enter');
  const item = page.getByRole('menuitem', { name: '退出登录' });
  await item.waitFor();
  await page.keyboard.press('Tab');
  for (let tries = 0; tries < 5 && !(await item.evaluate((one) => one === document.activeElement)); tries += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await heading('登录').waitFor();
});
await check('a session that ended elsewhere leads back after signing in', async () => {
  await signIn();
  await heading('我的工作台').waitFor();
  await context.clearCookies();
  await go(inquiryPath());
  await heading('登录').waitFor();
  await signIn();
  await page.waitForURL(base + inquiryPath());
});
await check('the browser had nothing to complain of', () => equal(complaints, [], 'complaints'));

await finish();

async function finish() {
  await browser.close();
  if (process.env.JUNIT_FILE) checks.writeJunit(process.env.JUNIT_FILE);
  console.log(`${checks.passed} passed, ${checks.failed} failed`);
  process.exit(checks.failed === 0 && checks.passed > 0 ? 0 : 1);
}
