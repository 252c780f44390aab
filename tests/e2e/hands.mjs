// What a person does with a page, by the labels that he reads: shared by the stories and the days.
import { assert } from './harness.mjs';

/** The hands of whoever has signed in on `page`; `model` as he is told it, in simplified Chinese. */
export function hands({ page, base, model }) {
  const entity = (name) => model.entities[name];
  const field = (name, one) => entity(name).fields.find((other) => other.name === one);
  const option = (name, one, value) => model.choices[field(name, one).choices].find((other) => other.name === value).label;
  const exact = (name, scope = page) => scope.getByRole('button', { name, exact: true });
  const go = (path) => page.goto(base + path);
  const day = (offset) => new Date(Date.now() + 8 * 3_600_000 + offset * 86_400_000).toISOString().slice(0, 10);
  const idHere = () => new URL(page.url()).pathname.split('/').at(-1);

  /** Fills in a form as a person would: each field by its label. */
  async function fill(name, values, scope = page) {
    for (const [key, value] of Object.entries(values)) {
      const { type, label } = field(name, key);
      const input = scope.getByLabel(label, { exact: true }).first();
      await input.waitFor();
      if (type === 'bool') {
        await input.click();
      } else if (['choice', 'ref'].includes(type)) {
        const text = type === 'choice' ? option(name, key, value) : value;
        await input.click();
        await input.fill(text);
        await page.locator('.ant-select-dropdown:not(.ant-select-dropdown-hidden) .ant-select-item-option-active').filter({ hasText: text }).first().waitFor();
        await input.press('Enter');
      } else {
        await input.fill(String(value));
        if (['date','instant'].includes(type)) await input.press('Enter');
      }
    }
  }
  async function save(scope = page) {
    const from = page.url();
    await exact('保存', scope).click();
    await page.waitForURL((url) => url.href !== from && /^\/records\/[^/]+\/\d+$/.test(url.pathname));
  }
  /** A new record; `from`: the record on whose page one stands, which the new one is about. */
  async function create(name, values, from = false) {
    if (from) await exact(`新建${entity(name).label}`).first().click();
    else await go(`/records/${name}/new`);
    await fill(name, values);
    await save();
    return idHere();
  }
  /** A part, added in place. */
  async function add(name, values) {
    await exact(`新建${entity(name).label}`).click();
    const dialog = page.getByRole('dialog');
    await fill(name, values, dialog);
    await exact('保存', dialog).click();
    await dialog.waitFor({ state: 'hidden' });
  }
  async function state(name, wanted) {
    const { label } = entity(name).states.find((one) => one.name === wanted);
    await page.locator('.state-tag').filter({ hasText: label }).waitFor();
  }
  /** Takes a step, filling in its form where it asks for one. */
  async function take(name, step, to, values = {}) {
    const transition = entity(name).transitions.find((one) => one.name === step);
    await page.getByRole('group', { name: '操作' }).getByRole('button', { name: transition.label, exact: true }).click();
    if (transition.form) {
      const dialog = page.getByRole('dialog');
      await fill(name, values, dialog);
      await exact(transition.label, dialog).click();
    }
    await state(name, to);
  }
  async function edit(name, values) {
    const here = new URL(page.url()).pathname;
    await page.getByRole('link', { name: '编辑', exact: true }).click();
    await fill(name, values);
    await save();
    assert(new URL(page.url()).pathname === here, 'the record is shown again');
  }
  return { entity, field, option, exact, go, day, idHere, fill, save, create, add, state, take, edit };
}
