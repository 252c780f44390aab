// Two stories of an agency told through the interface alone: a trip from the first call to the return, a complaint to its survey.
import { hands } from './hands.mjs';

/** Runs both. `page` is signed in as an administrator, in simplified Chinese; `model` has all five departments. */
export async function stories({ page, base, model, check, shot }) {
  const { entity, exact, go, day, fill, save, create, add, state, take, edit } = hands({ page, base, model });

  const customer = `林故事${Date.now() % 100_000}`;
  await check('a trip from call to return: the call, the offer and the order', async () => {
    const id = await create('customers.customer', { name: customer, kind: 'person', phone: `199${String(Date.now()).slice(-8)}` });
    await create('sales.inquiry', { channel: 'phone', destination: '桂林', depart_on: day(0), party_size: 1, budget: '3000' }, true);
    await take('sales.inquiry', 'contact', 'contacted');
    await take('sales.inquiry', 'qualify', 'qualified');
    await exact(`新建${entity('sales.proposal').label}`).click();
    await fill('sales.proposal', { title: `${customer}的桂林三日`, customer, destination: '桂林', depart_on: day(0), days: 3, party_size: 1, itinerary: '第 1 天 抵达桂林', hotel_standard: 4, meals: '含早', transport: 'train', valid_until: day(5) });
    await save();
    await add('sales.proposal_line', { kind: 'fare', name: '团费', unit_price: '2400' });
    await page.locator('dd').filter({ hasText: '¥2,400.00' }).first().waitFor();
    await page.getByRole('link', { name: '打印页' }).click();
    await page.locator('.sheet').getByText('团费').first().waitFor();
    await shot('30-proposal-print');
    await page.goBack();
    await take('sales.proposal', 'send', 'sent');
    await take('sales.proposal', 'accept', 'accepted');
    await go(`/records/customers.customer/${id}`);
    await page.locator('.group-card').filter({ has: page.getByRole('heading', { name: new RegExp(`^${entity('sales.order').plural}`) }) }).getByRole('link', { name: /^ORD-/ }).click();
    await state('sales.order', 'draft');
  });
  await check('a trip from call to return: the papers, the tour and the call afterwards', async () => {
    const order = new URL(page.url()).pathname;
    await create('sales.traveller', { name: customer, kind: 'adult', gender: 'female', document_number: `E${String(Date.now()).slice(-8)}`, document_seen: true, emergency_name: '林先生', emergency_phone: '19912345678', insurance: 'own' }, true);
    await go(order);
    await add('sales.order_line', { kind: 'fare', name: '团费', unit_price: '2400' });
    await take('sales.order', 'verify', 'verifying');
    await edit('sales.order', { checked_itinerary: true, checked_price: true, checked_needs: true, checked_documents: true });
    await take('sales.order', 'verified', 'awaiting_customer');
    await create('sales.contract', { customer, itinerary: '桂林三日', min_party: 1, fees: '按合同约定', total: '2400', local_operator: '桂林地接社', schedule: '签约付清' }, true);
    await take('sales.contract', 'send', 'sent');
    await take('sales.contract', 'sign', 'signed', { signed_on: day(0), signer: customer, document: 'HT-1' });
    await go(order);
    await take('sales.order', 'confirm', 'confirmed');
    await take('sales.order', 'depart', 'travelling');
    await take('sales.order', 'finish', 'finished');
    // The call after the return is planned by itself, and shows by itself on the page for it.
    await go('/pages/aftersales.calls');
    await page.locator('.work-item').filter({ hasText: customer }).click();
    const now = page.getByRole('article');
    await now.getByRole('link', { name: customer }).first().waitFor();
    await fill('aftersales.followup', { itinerary: 95, guide: 90, overall: 92, words: '很满意' }, now);
    await shot('31-call');
    await exact(entity('aftersales.followup').transitions.find((one) => one.name === 'record').label, now).click();
    await page.locator('.work-item').filter({ hasText: customer }).waitFor({ state: 'detached' });
  });
  await check('a complaint from call to survey', async () => {
    await create('aftersales.case', { kind: 'complaint', type: 'service', channel: 'phone', subject: '导游迟到', text: '导游迟到一小时', contact_name: customer, contact: '19912345678', customer });
    await take('aftersales.case', 'acknowledge', 'acknowledged');
    await take('aftersales.case', 'triage', 'triaged', { department: 'guides' });
    await take('aftersales.case', 'investigate', 'investigating');
    await take('aftersales.case', 'find', 'planned', { demand: '道歉', evidence: '行程记录', customer_contacted: true, investigation: '已核实', finding: 'partly', plan: '道歉并改进' });
    await take('aftersales.case', 'execute', 'executing');
    await take('aftersales.case', 'answer', 'answered', { answer: '已致歉并说明改进措施' });
    await take('aftersales.case', 'rate', 'answered', { satisfied: true, satisfaction: 88 });
    await page.locator('dd').filter({ hasText: /^88$/ }).waitFor();
    await take('aftersales.case', 'close', 'closed', { cause: 'supplier' });
    await shot('32-case');
  });
}
