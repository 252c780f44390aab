// The styles of the antd components that the frame and a list are made of, as one style sheet: a browser reads in a few
// milliseconds what the components would else write for themselves, rule by rule, before anything is drawn. It names what it
// holds (antd's own way, `data-ant-cssinjs-cache-path`); other components go on writing theirs. Colours and sizes are variables
// that the running theme sets, so it serves both themes and all languages.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** CSS for the build; the theme must have `hashed: false`, too. */
export function antdStyles(): string {
  const { createElement: h } = require('react') as typeof import('react');
  const { renderToString } = require('react-dom/server') as typeof import('react-dom/server');
  const antd = require('antd') as typeof import('antd');
  // The one that antd itself uses: the cache is found through its context.
  const { createCache, extractStyle, StyleProvider } = createRequire(require.resolve('antd'))('@ant-design/cssinjs') as typeof import('@ant-design/cssinjs');

  const cache = createCache();
  const noop = () => undefined;
  const options = [{ value: 'a', label: 'a' }];
  const menu: NonNullable<import('antd').MenuProps['items']> = [{ key: 'a', icon: h('i'), label: 'a' }, { key: 'b', label: 'b', children: [{ key: 'c', label: 'c' }] }, { key: 'd', type: 'group', label: 'd', children: [{ key: 'e', label: 'e' }] }, { type: 'divider' }];
  const page = h(antd.Layout, null,
    h(antd.Layout.Sider, null, h(antd.Menu, { mode: 'inline', items: menu, defaultOpenKeys: ['b'] })),
    h(antd.Layout, null,
      h(antd.Layout.Header, null, h(antd.Button, { type: 'text', icon: h('i') }, 'a'), h(antd.Popover, { content: 'a' }, h(antd.Badge, { count: 1, size: 'small' }, h('b'))), h(antd.Dropdown, { menu: { items: menu } }, h(antd.Button, null, h(antd.Avatar, null, 'a')))),
      h(antd.Layout.Content, null,
        h(antd.Breadcrumb, { items: [{ title: 'a' }] }),
        h(antd.Segmented, { options: ['a', 'b'] }),
        h(antd.Input.Search, { allowClear: true }), h(antd.Input, null), h(antd.Space.Compact, null, h(antd.Button, { type: 'primary' })),
        h(antd.Select, { options, mode: 'multiple', allowClear: true, showSearch: true, onChange: noop }), h(antd.Select, { options }),
        h(antd.Tag, null, 'a'), h(antd.Skeleton, { active: true }), h(antd.Empty, { image: antd.Empty.PRESENTED_IMAGE_SIMPLE }), h(antd.Spin, { size: 'large' }), h(antd.Tooltip, { title: 'a' }, h('b'))),
    ));
  renderToString(h(StyleProvider, { cache }, h(antd.ConfigProvider, { theme: { hashed: false } }, h(antd.App, null, page))));
  return extractStyle(cache, { plain: true, types: 'style' });
}
