import type { ThemeConfig } from 'antd';

const fonts = {
  'zh-CN': '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC"',
  'zh-TW': '"PingFang TC", "Microsoft JhengHei", "Noto Sans CJK TC", "Noto Sans TC"',
  en: '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"',
};

/**
 * Nothing slides into its place: what moves between the press of a button and its release is missed. Greys are darker than antd's
 * own, so that secondary text keeps a contrast of 4.5 on every background used here.
 */
export function themeFor(language: keyof typeof fonts): ThemeConfig {
  return {
    token: {
      motion: false,
      colorPrimary: '#0958d9',
      colorLink: '#0958d9',
      colorInfo: '#0958d9',
      colorError: '#c9151e',
      colorSuccess: '#237804',
      colorText: '#1c2430',
      colorTextHeading: '#1c2430',
      colorTextSecondary: '#465061',
      colorTextTertiary: '#5b6575',
      colorTextDescription: '#5b6575',
      colorTextPlaceholder: '#667080',
      colorTextDisabled: '#6b7483',
      colorBgLayout: '#f3f5f8',
      colorBorder: '#cfd6e0',
      colorBorderSecondary: '#e4e8ee',
      borderRadius: 6,
      fontSize: 14,
      fontFamily: `-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, ${fonts[language]}, sans-serif`,
    },
    components: {
      Layout: { headerBg: '#ffffff', headerHeight: 52, headerPadding: '0 16px', siderBg: '#ffffff', bodyBg: '#f3f5f8' },
      Menu: { itemHeight: 36, itemSelectedBg: '#e8f0fe', itemSelectedColor: '#0b4fc0', groupTitleColor: '#5b6575' },
      Table: {
        headerBg: '#f7f9fb', headerColor: '#465061', headerSplitColor: 'transparent', cellPaddingBlockSM: 7, cellPaddingInlineSM: 12,
        rowHoverBg: '#f5f8fe', headerSortActiveBg: '#eef2f7', bodySortBg: '#ffffff', headerSortHoverBg: '#eef2f7',
      },
      Card: { headerFontSize: 15, headerHeight: 44, headerPadding: 20, bodyPadding: 20 },
      Form: { itemMarginBottom: 18, verticalLabelPadding: '0 0 4px' },
    },
  };
}
