// One working day of each role, through the interface alone: from "my day" to what the day leaves to the next.
import { createRequire } from 'node:module';
import { assert } from './harness.mjs';
import { hands } from './hands.mjs';

const words = createRequire(import.meta.url)('../../core/console/src/i18n/zh_cn.json');
const say = (text, values = {}) => text.replace(/\{\{(\w+)\}\}/g, (_, name) => String(values[name]));
/** A number of this run, so that it can be run again on the same data. */
const run = String(Date.now()).slice(-6);

const posts = {
  seller: ['陆晓', 'sales.salesperson'],
  planner: ['钟航', 'scheduling.scheduler'],
  guide: ['梁川', 'guides.guide'],
  agent: ['秦岚', 'aftersales.complaint_specialist'],
  boss: ['尤佳', 'aftersales.aftersales_manager'],
};

/**
 * Runs all of them. `api` and `password` are the administrator's, `model` is his in simplified Chinese; `shot(name, page)` keeps how a day
 * ended, `complain` takes what browsers complain of.
 */
export async function days({ browser, base, api, password, model, check, shot, complain }) {
  const people = {};
  let mornings = 40;
  const logins = Object.fromEntries(Object.entries(posts).map(([post, [name]]) => [post, { name: `${name}${run}`, username: `${post}.${run}` }]));
  logins.admin = { name: 'Administrator', username: process.env.ADMIN_USERNAME ?? 'admin', password };

  /** Somebody comes to work: signs in and looks at his day. */
  async function morning(post, body, viewport = { width: 1366, height: 860 }) {
    const context = await browser.newContext({ viewport, locale: 'zh-CN', timezoneId: 'Asia/Shanghai' });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const page = await context.newPage();
    page.setDefaultTimeout(1000 * Number(process.env.TIMEOUT_SECONDS || 15));
    page.on('pageerror', (error) => complain(`${post}: page error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complain(`${post}: ${message.text()}`);
    });
    try {
      await page.goto(base);
      await page.getByLabel(words.login.username).fill(logins[post].username);
      await page.getByLabel(words.login.password, { exact: true }).fill(logins[post].password);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: words.day.title }).waitFor();
      await body(page, handsOf(page));
    } finally {
      await shot(`${(mornings += 1)}-day-${post}`, page);
      await context.close();
    }
  }

  function handsOf(page) {
    const mine = hands({ page, base, model });
    const { entity, exact } = mine;
    const section = (title) => page.locator('.day-section').filter({ has: page.getByRole('heading', { level: 2, name: new RegExp(`^${title}`) }) });
    const home = async () => {
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox', { name: words.palette.placeholder }).fill(words.day.title);
      await page.getByRole('option', { name: words.day.title }).first().waitFor();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: words.day.title }).waitFor();
    };
    /** By the keyboard alone: to a page or record, by what is typed. */
    const jump = async (typed, heading = typed) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox', { name: words.palette.placeholder }).fill(typed);
      const option = page.getByRole('option', { name: typed }).first();
      await option.waitFor();
      for (let tries = 0; tries < 12 && (await option.getAttribute('aria-selected')) !== 'true'; tries += 1) await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    };
    const told = (text) => page.locator('.ant-message').getByText(text).first().waitFor();
    /** Writes a comment; `name`: a colleague who is mentioned. By the keyboard alone. */
    const comment = async (text, name) => {
      const box = page.getByRole('textbox', { name: words.comment.write });
      await box.focus();
      if (name) {
        await page.keyboard.type(`@${name}`);
        await page.locator('.ant-mentions-dropdown-menu-item-active').filter({ hasText: name }).waitFor();
        await page.keyboard.press('Enter');
      }
      await page.keyboard.type(text);
      await page.keyboard.press('Control+Enter');
      await page.locator('.event-comment').getByText(text).first().waitFor();
    };
    const attach = async (name, text) => {
      const card = page.locator('.group-card').filter({ has: page.getByRole('heading', { name: new RegExp(`^${words.files.title}`) }) });
      await card.locator('input[type="file"]').setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
      await card.getByRole('link', { name }).waitFor();
    };
    const step = (name, one) => entity(name).transitions.find((other) => other.name === one).label;
    const steps = page.getByRole('group', { name: words.record.actions });
    /** Takes the last step back. */
    const undo = async (name, one, back) => {
      await exact(say(words.record.undo, { label: step(name, one) })).click();
      await mine.state(name, back);
    };
    const saveView = async (label) => {
      await page.getByRole('button', { name: words.saved.title }).click();
      await page.getByRole('menuitem', { name: words.saved.saveAs }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('textbox', { name: words.saved.name }).fill(label);
      await exact(words.form.save, dialog).click();
      await page.getByRole('button', { name: new RegExp(`^${label}`) }).waitFor();
    };
    /** All rows of the list take a step at once. */
    const bulk = async (label, count) => {
      await page.getByText(`共 ${count} 条`).waitFor();
      await page.getByRole('checkbox', { name: words.bulk.all }).check();
      const bar = page.getByRole('region', { name: words.bulk.title });
      await exact(words.bulk.step, bar).click();
      await page.getByRole('menuitem', { name: label }).click();
      const dialog = page.getByRole('dialog');
      await exact(label, dialog).click();
      await told(say(words.bulk.allDone_other, { count }));
      await dialog.waitFor({ state: 'hidden' });
    };
    return { ...mine, section, home, jump, told, comment, attach, step, steps, undo, saveView, bulk };
  }

  // ---- What colleagues left: customers, a tour that leaves today, cases.
  const day = (offset) => new Date(Date.now() + 8 * 3_600_000 + offset * 86_400_000).toISOString().slice(0, 10);
  const post = (entity, values) => api.post(`/records/${entity}`, values);
  const patch = (entity, record, values) => api.patch(`/records/${entity}/${record.id}`, values);
  const take = (entity, record, name, input, comment) => api.post(`/records/${entity}/${record.id}/transitions/${name}`, { ...(input ? { input } : {}), ...(comment ? { comment } : {}) });
  const mention = (entity, record, who, text) => api.post(`/records/${entity}/${record.id}/comments`, { text: `@${logins[who].name} ${text}`, mentions: [people[who].id] });
  const wish = `九寨沟${run}`;
  let inquiry, departure, assignment;

  await check('the administrator’s day: a new colleague gets an account, a post and a password', () =>
    morning('admin', async (page, { jump, fill, exact, told }) => {
      await jump(words.people.title);
      await page.getByRole('link', { name: words.people.newUser }).click();
      await fill('core.user', { username: logins.seller.username, name: logins.seller.name });
      await exact(words.form.save).click();
      await page.getByRole('heading', { level: 1, name: new RegExp(logins.seller.name) }).waitFor();
      await jump(words.people.title);
      await exact(`${words.people.changeRoles} ${logins.seller.username}`).click();
      let dialog = page.getByRole('dialog');
      await dialog.getByRole('combobox', { name: words.people.roles }).fill('销售顾问');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Escape');
      await exact(words.form.save, dialog).click();
      await dialog.waitFor({ state: 'hidden' });
      await exact(`${words.password.reset} ${logins.seller.username}`).click();
      dialog = page.getByRole('dialog');
      await exact(words.password.reset, dialog).click();
      logins.seller.password = await dialog.getByLabel(words.password.new).inputValue();
      assert(logins.seller.password.length >= 16, 'a password that is hard to guess');
      await exact(words.once.copy, dialog).click();
      await told(words.once.copied);
      await dialog.getByText(words.password.close, { exact: true }).click();
      await dialog.waitFor({ state: 'hidden' });
      // Why he may see what he sees is one click away, and so is what he did.
      await page.getByRole('link', { name: `${words.people.why} ${logins.seller.username}` }).click();
      await page.getByText(words.people.accessExplain).waitFor();
    }));
  await check('colleagues are there, and left work', async () => {
    for (const [name, login] of Object.entries(logins)) {
      if (name === 'admin') continue;
      const found = (await api.get(`/records/core.user?filter=${encodeURIComponent(`record.username == "${login.username}"`)}`)).items[0];
      people[name] = found ?? (await post('core.user', { username: login.username, name: login.name, roles: [posts[name][1]] }));
      login.password ??= (await api.post(`/admin/users/${people[name].id}/password`)).password;
    }
    const customer = await post('customers.customer', { name: `冯客户${run}`, kind: 'person', phone: `188${run}88`.slice(0, 11), email: `feng${run}@example.cn`, owner: people.seller.id });
    inquiry = await post('sales.inquiry', { customer: customer.id, channel: 'phone', destination: wish, depart_on: day(40), party_size: 2, budget: '6000.00', owner: people.seller.id });
    for (const people_ of [2, 3]) {
      const one = await post('sales.inquiry', { customer: customer.id, channel: 'wechat', destination: wish, depart_on: day(50), party_size: people_, owner: people.seller.id });
      await take('sales.inquiry', one, 'contact');
    }
    await mention('sales.inquiry', inquiry, 'seller', '客户今天下午方便接电话');
    const product = await post('sales.product', { name: `云南六日${run}`, destination: '丽江', days: 2, price_from: '1980.00', hotel_standard: 4, min_party: 1, local_operator: '丽江地接社' });
    await take('sales.product', product, 'publish');
    departure = await post('scheduling.departure', { product: product.id, depart_on: day(0), days: 2, capacity: 20, min_party: 1, language: 'zh', region: 'southwest', meeting_point: '虹桥机场', depart_time: '07:30' });
    await take('scheduling.departure', departure, 'open');
    for (const [kind, name] of [['hotel', '古城客栈'], ['coach', '旅游车队'], ['meal', '云上餐厅']]) {
      const supplier = await post('scheduling.supplier', { name: `${name}${run}`, kind });
      await post('scheduling.service_line', { departure: departure.id, supplier: supplier.id, kind, name: `${name}${run}`, carries: 'headcount', quantity: 1, unit_cost: '800.00', required_for_notice: kind === 'hotel', from: day(0), to: day(1) });
    }
    await mention('scheduling.departure', departure, 'planner', '酒店要尽快落实');
    let order = await post('sales.order', { customer: customer.id, departure: departure.id, product: product.id, destination: '丽江', depart_on: day(0), days: 2, party_size: 1 });
    const traveller = await post('sales.traveller', { order: order.id, name: `冯客户${run}`, kind: 'adult', document_number: '310101199001011234', document_seen: true, emergency_name: '家人', emergency_phone: '13900000000', insurance: 'bought' });
    await post('sales.order_line', { order: order.id, kind: 'fare', name: '团费', traveller: traveller.id, unit_price: '1980.00' });
    await post('scheduling.booking', { departure: departure.id, order: order.id, seats: 1 });
    await take('sales.order', order, 'verify');
    await patch('sales.order', order, { checked_itinerary: true, checked_price: true, checked_needs: true, checked_documents: true });
    await take('sales.order', order, 'verified');
    order = await api.get(`/records/sales.order/${order.id}`);
    const found = (await api.get(`/records/sales.contract?filter=${encodeURIComponent(`record.order == ${order.id}`)}`)).items[0];
    const contract = found ?? (await post('sales.contract', { order: order.id, customer: customer.id, itinerary: '丽江二日', min_party: 1, local_operator: '丽江地接社', total: order.total }));
    await patch('sales.contract', contract, { fees: '含食宿', schedule: '出发前付清', min_party: 1, local_operator: '丽江地接社', total: order.total });
    await take('sales.contract', contract, 'send');
    await take('sales.contract', contract, 'sign', { signed_on: day(0), signer: '冯客户', document: 'HT-2' });
    await take('sales.order', order, 'confirm');
    const guide = await post('guides.guide', { name: logins.guide.name, phone: '13700000000', languages: ['zh'], regions: ['southwest'], user: people.guide.id });
    for (const kind of ['guide', 'leader']) await post('guides.licence', { guide: guide.id, kind, valid_until: day(2000), licence_number: `${kind}-${run}` });
    assignment = await post('guides.assignment', { departure: departure.id, guide: guide.id, role: 'national', from: day(0), to: day(1), language: 'zh', region: 'southwest' });
    await take('guides.assignment', assignment, 'offer');
    const complaint = { type: 'service', channel: 'phone', contact_name: `冯客户${run}`, contact: '13912345678', customer: customer.id, text: '请尽快处理' };
    await post('aftersales.case', { ...complaint, kind: 'complaint', severity: 'serious', subject: `导游迟到${run}`, owner: people.agent.id });
    await post('aftersales.case', { ...complaint, kind: 'suggestion', subject: `希望增加早餐${run}` });
  });

  await check('the salesperson’s day: a mention, a call, the form of a step, back again; by the keyboard', () =>
    morning('seller', async (page, { section, state, steps, step, comment, attach, undo, fill, jump, home }) => {
      // The mention leads to the inquiry, and is seen then.
      await section(words.day.mine).getByText(inquiry.number).first().waitFor();
      await section(words.day.news).getByRole('link', { name: /客户今天下午方便接电话/ }).focus();
      await page.keyboard.press('Enter');
      await state('sales.inquiry', 'new');
      await steps.getByRole('button', { name: step('sales.inquiry', 'contact'), exact: true }).focus();
      await page.keyboard.press('Enter');
      await state('sales.inquiry', 'contacted');
      await undo('sales.inquiry', 'contact', 'new');
      await steps.getByRole('button', { name: step('sales.inquiry', 'contact'), exact: true }).focus();
      await page.keyboard.press('Enter');
      await state('sales.inquiry', 'contacted');
      await comment('已致电，客户希望加一晚', logins.boss.name);
      await attach('需求.txt', '两大一小，不吃辣');
      // A step with its form.
      await steps.getByRole('button', { name: step('sales.inquiry', 'lose'), exact: true }).focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog');
      await fill('sales.inquiry', { lost_reason: 'price' }, dialog);
      await dialog.getByRole('button', { name: step('sales.inquiry', 'lose'), exact: true }).click();
      await state('sales.inquiry', 'lost');
      await undo('sales.inquiry', 'lose', 'contacted');
      await home();
      await section(words.day.news).locator('li.day-seen').filter({ hasText: '客户今天下午方便接电话' }).waitFor();
      await jump(model.pages['sales.desk'].label);
    }));
  await check('the salesperson’s day: a list of one’s own, many at once, the board', () =>
    morning('seller', async (page, { entity, saveView, bulk, step, go, jump }) => {
      await jump(entity('sales.inquiry').plural);
      await go(`/records/sales.inquiry?where=${encodeURIComponent(JSON.stringify([['destination', 'is', wish]]))}`);
      await page.getByText('共 3 条').waitFor();
      await saveView(`我的${wish}`);
      await bulk(step('sales.inquiry', 'qualify'), 3);
      await page.setViewportSize({ width: 1920, height: 900 });
      await page.locator('.toolbar .ant-segmented-item').filter({ hasText: words.view.type_board }).click();
      const column = page.getByRole('region', { name: entity('sales.inquiry').states.find((one) => one.name === 'qualified').label, exact: true });
      await column.getByText(wish).first().waitFor();
    }));

  await check('the planner’s day: what is to be confirmed, at once and one by one, and the planning board', () =>
    morning('planner', async (page, { section, entity, jump, go, bulk, step, take: take_, state, attach, comment, saveView }) => {
      await section(words.day.news).getByRole('link', { name: /酒店要尽快落实/ }).click();
      await state('scheduling.departure', (await api.get(`/records/scheduling.departure/${departure.id}`)).state);
      await comment('正在落实', undefined);
      await jump(model.pages['scheduling.desk'].label);
      const lines = page.getByRole('heading', { name: entity('scheduling.service_line').views.find((one) => one.name === 'scheduling.lines_to_confirm').label });
      await lines.first().waitFor();
      await page.getByText(`古城客栈${run}`).first().waitFor();
      await go(`/records/scheduling.service_line?where=${encodeURIComponent(JSON.stringify([['departure', 'any', departure.id]]))}`);
      await page.getByText('共 3 条').waitFor();
      await saveView(`今日出团${run}`);
      await bulk(step('scheduling.service_line', 'request'), 3);
      const line = (await api.get(`/records/scheduling.service_line?filter=${encodeURIComponent(`record.name == "古城客栈${run}"`)}`)).items[0];
      await go(`/records/scheduling.service_line/${line.id}`);
      await take_('scheduling.service_line', 'accept', 'confirmed', { reference: 'OK-1' });
      await attach('确认函.txt', '确认 1 间');
      // Departures, guides and vehicles above each other.
      await jump(model.pages['guides.planning'].label);
      await page.locator('.vis-item').first().waitFor();
      await page.getByText(logins.guide.name).first().waitFor();
    }));

  await check('the guide’s day on a telephone: the tour is taken, customers called, the log written, an incident told', () =>
    morning('guide', async (page, { section, exact, step, fill, told }) => {
      await section(words.day.news).getByRole('link', { name: new RegExp(departure.number ?? '') }).first().waitFor();
      await page.getByRole('link', { name: model.pages['guides.desk'].label }).first().click();
      await page.getByRole('heading', { level: 1, name: model.pages['guides.desk'].label }).waitFor();
      const block = (name) => page.locator('section.block').filter({ has: page.getByRole('heading', { level: 2, name: model.pages['guides.desk'].blocks.find((one) => one.name === name).label }) });
      await exact(step('guides.assignment', 'accept'), block('mine')).click();
      await told(say(words.record.done, { label: step('guides.assignment', 'accept') }));
      // The calls are planned by themselves, and come up by themselves.
      const call = block('calls').getByRole('article');
      await call.getByRole('link', { name: /^拨打/ }).first().waitFor();
      await fill('guides.call', { result: 'confirmed' }, call);
      await exact(step('guides.call', 'done'), call).click();
      await block('calls').getByText(words.work.none).waitFor();
      await exact(step('guides.assignment', 'start'), block('mine')).click();
      await told(say(words.record.done, { label: step('guides.assignment', 'start') }));
      const log = block('log');
      await fill('guides.log', { assignment: assignment.number, place: '古城', text: `全员到齐${run}`, headcount: 1 }, log);
      await exact(words.form.save, log).click();
      await block('logs').getByText(`全员到齐${run}`).first().waitFor();
      await page.getByRole('button', { name: model.pages['guides.desk'].blocks.find((one) => one.name === 'alarm').label }).click();
      const dialog = page.getByRole('dialog');
      await fill('scheduling.incident', { departure: departure.number, kind: 'injury', severity: 'minor', place: '古城', facts: '一位客人扭伤' }, dialog);
      await exact(words.form.save, dialog).click();
      await dialog.waitFor({ state: 'hidden' });
      assert((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, 'the page is wider than the telephone');
    }, { width: 360, height: 740 }));

  const cased = (subject) => `${subject}${run}`;
  await check('the agent’s day: the next is taken from the pool and answered; it stays on the desk', () =>
    morning('agent', async (page, { section, jump, exact, step, fill }) => {
      await section(words.day.clocks).getByText(cased('导游迟到')).first().waitFor();
      await jump(model.pages['aftersales.desk'].label);
      await page.getByRole('button', { name: /领取下一条/ }).click();
      const now = page.getByRole('article', { name: cased('希望增加早餐') });
      await exact(step('aftersales.case', 'acknowledge'), now).click();
      await exact(step('aftersales.case', 'answer'), now).click();
      const dialog = page.getByRole('dialog');
      await fill('aftersales.case', { answer: '已转产品部' }, dialog);
      await exact(step('aftersales.case', 'answer'), dialog).click();
      await page.locator('.work-item').filter({ hasText: cased('希望增加早餐') }).waitFor({ state: 'detached' });
      assert(new URL(page.url()).pathname === '/pages/aftersales.desk', 'one stays on the desk');
    }));
  await check('the agent’s day: a serious case with its task, evidence, a link for the customer, and money that the manager agrees to', () =>
    morning('agent', async (page, { section, home, exact, step, take: take_, steps, fill, create, comment, attach, state, told }) => {
      await section(words.day.mine).getByRole('link', { name: cased('导游迟到') }).click();
      await state('aftersales.case', 'new');
      const here = new URL(page.url()).pathname;
      await take_('aftersales.case', 'acknowledge', 'acknowledged');
      await take_('aftersales.case', 'triage', 'triaged', { department: 'guides' });
      await take_('aftersales.case', 'investigate', 'investigating');
      await attach('行程记录.txt', '07:30 集合，08:30 到达');
      await home();
      const tasks = section(words.task.title);
      await tasks.getByRole('button', { name: /^完成：/ }).click();
      await tasks.waitFor({ state: 'detached' });
      await page.goto(base + here);
      // The customer follows his case without an account, until the link is revoked.
      await exact(words.link.open).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: /^新建链接/ }).first().click();
      const url = await dialog.getByLabel(words.link.address).inputValue();
      await exact(words.once.copy, dialog).click();
      await told(words.once.copied);
      const stranger = await browser.newContext({ viewport: { width: 360, height: 740 }, locale: 'zh-CN' });
      try {
        const outside = await stranger.newPage();
        await outside.goto(base + new URL(url).pathname);
        await outside.getByText(cased('导游迟到')).first().waitFor();
        await dialog.getByRole('button', { name: new RegExp(`^${words.link.revoke} `) }).first().click();
        await page.locator('.ant-modal-confirm').getByRole('button', { name: words.link.revoke, exact: true }).click();
        await dialog.getByText(new RegExp(words.link.standing_revoked)).waitFor();
        await outside.reload();
        await outside.getByRole('alert').waitFor();
      } finally {
        await stranger.close();
      }
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
      await take_('aftersales.case', 'find', 'planned', { demand: '赔偿', evidence: '行程记录', customer_contacted: true, investigation: '已核实', finding: 'partly', plan: '补偿 800 元' });
      await comment('补偿金额请您确认', logins.boss.name);
      await create('aftersales.remedy', { kind: 'goodwill', amount: '800', text: '补偿 800 元' }, true);
      await exact(step('aftersales.remedy', 'approve'), steps).click();
      await told(say(words.approval.sent, { label: step('aftersales.remedy', 'approve') }));
    }));
  await check('the manager’s day: what waits for a decision is decided, a mention answered, a figure leads to its records', () =>
    morning('boss', async (page, { section, exact, jump, comment, home, entity }) => {
      const waiting = section(words.approval.box_waiting).locator('.approval').filter({ hasText: logins.agent.name }).first();
      await exact(words.approval.approve, waiting).click();
      const dialog = page.getByRole('dialog');
      if (await dialog.isVisible()) await exact(words.approval.approve, dialog).click();
      await waiting.waitFor({ state: 'detached' });
      await section(words.day.news).getByRole('link', { name: /补偿金额请您确认/ }).first().click();
      await comment('同意，请当日办结', logins.agent.name);
      await jump(model.pages['aftersales.desk'].label);
      const figure = page.locator('section.block').filter({ hasText: model.pages['aftersales.desk'].blocks.find((one) => one.name === 'open').label });
      await figure.getByRole('link').first().click();
      await page.getByRole('heading', { level: 1, name: entity('aftersales.case').plural }).waitFor();
      await page.getByText(cased('导游迟到')).first().waitFor();
      await home();
    }));
  await check('the agent hears of it, carries it out, and goes home', () =>
    morning('agent', async (page, { section, take: take_, state }) => {
      await section(words.day.news).getByRole('link', { name: /同意，请当日办结/ }).first().waitFor();
      const remedy = section(words.day.mine);
      await remedy.first().waitFor();
      const one = (await api.get(`/records/aftersales.remedy?sort=-created_at&limit=1`)).items[0];
      await page.goto(`${base}/records/aftersales.remedy/${one.id}`);
      await state('aftersales.remedy', 'approved');
      await take_('aftersales.remedy', 'carry_out', 'done', { done_on: day(0) });
      const away = page.getByRole('switch');
      await page.goto(base);
      await away.click();
      await page.getByText(words.day.absent).waitFor();
      await away.click();
      await page.getByText(words.day.present).waitFor();
    }));
}
