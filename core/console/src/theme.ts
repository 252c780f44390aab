import { theme, type ThemeConfig } from 'antd';

const fonts = {
  'zh-CN': '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC"',
  'zh-TW': '"PingFang TC", "Microsoft JhengHei", "Noto Sans CJK TC", "Noto Sans TC"',
  en: '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"',
};

/**
 * Nothing slides into its place: what moves between the press of a button and its release is missed. Greys are darker than antd's
 * own, so that secondary text keeps a contrast of 4.5 on every background used here. Styles are not hashed, as the build has
 * most of them ready (scripts/antd_styles.ts).
 */
export function themeFor(language: keyof typeof fonts, dark = false): ThemeConfig {
  const fontFamily = `-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, ${fonts[language]}, sans-serif`;
  if (dark) return { ...darkTheme, token: { ...darkTheme.token, fontFamily } };
  return {
    hashed: false,
    token: {
      motion: false,
      colorPrimary: '#0958d9',
      colorPrimaryHover: '#0b4aad',
      colorPrimaryActive: '#08408f',
      colorLink: '#0958d9',
      colorLinkHover: '#0b4aad',
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
      fontFamily,
    },
    components: {
      Layout: { headerBg: '#ffffff', headerHeight: 52, headerPadding: '0 16px', siderBg: '#ffffff', bodyBg: '#f3f5f8' },
      Menu: { itemHeight: 36, itemSelectedBg: '#e8f0fe', itemSelectedColor: '#0b4fc0', groupTitleColor: '#5b6575' },
      Table: {
        headerBg: '#f7f9fb', headerColor: '#465061', headerSplitColor: 'transparent', cellPaddingBlockSM: 7, cellPaddingInlineSM: 12,
        rowHoverBg: '#f5f8fe', rowSelectedBg: '#eef4ff', rowSelectedHoverBg: '#e4edfd', headerSortActiveBg: '#eef2f7', bodySortBg: '#ffffff', headerSortHoverBg: '#eef2f7',
      },
      Card: { headerFontSize: 15, headerHeight: 44, headerPadding: 20, bodyPadding: 20 },
      Form: { itemMarginBottom: 18, verticalLabelPadding: '0 0 4px' },
    },
  };
}

// The colours are those of style.css.
const darkTheme: ThemeConfig = {
  hashed: false,
  algorithm: theme.darkAlgorithm,
  token: {
    motion: false,
    colorPrimary: '#1d5fd6',
    colorPrimaryHover: '#2a6be0',
    colorPrimaryActive: '#184fb5',
    colorLink: '#8ab8ff',
    colorLinkHover: '#adcdff',
    colorInfo: '#5b95f5',
    colorError: '#ff928c',
    colorErrorText: '#ff8f8a',
    colorSuccess: '#7ccf57',
    colorText: '#e4e9f1',
    colorTextHeading: '#e4e9f1',
    colorTextSecondary: '#c3cbd8',
    colorTextTertiary: '#a3aebf',
    colorTextDescription: '#a3aebf',
    colorTextPlaceholder: '#97a3b5',
    colorTextDisabled: '#95a1b4',
    colorBgLayout: '#0f131a',
    colorBgContainer: '#171c25',
    colorBgElevated: '#1e2530',
    colorBorder: '#3d485a',
    colorBorderSecondary: '#2c3543',
    borderRadius: 6,
    fontSize: 14,
  },
  components: {
    Layout: { headerBg: '#171c25', headerHeight: 52, headerPadding: '0 16px', siderBg: '#171c25', bodyBg: '#0f131a' },
    Menu: { itemHeight: 36, itemBg: '#171c25', itemSelectedBg: '#1a2a45', itemSelectedColor: '#8ab8ff', subMenuItemSelectedColor: '#8ab8ff', groupTitleColor: '#a3aebf' },
    Tabs: { itemSelectedColor: '#8ab8ff', itemHoverColor: '#adcdff', itemActiveColor: '#adcdff', inkBarColor: '#8ab8ff' },
    Badge: { colorError: '#b4232b', colorErrorHover: '#b4232b' },
    Button: { dangerColor: '#1c0707', defaultBg: '#1e2530', defaultHoverColor: '#adcdff', defaultHoverBorderColor: '#5b95f5', defaultActiveColor: '#8ab8ff', defaultActiveBorderColor: '#5b95f5', primaryShadow: 'none', dangerShadow: 'none' },
    Table: {
      headerBg: '#1e2530', headerColor: '#c3cbd8', headerSplitColor: 'transparent', cellPaddingBlockSM: 7, cellPaddingInlineSM: 12,
      rowHoverBg: '#1a2333', rowSelectedBg: '#17243c', rowSelectedHoverBg: '#1b2b48', headerSortActiveBg: '#222b38', bodySortBg: '#171c25', headerSortHoverBg: '#222b38',
    },
    Card: { headerFontSize: 15, headerHeight: 44, headerPadding: 20, bodyPadding: 20 },
    Form: { itemMarginBottom: 18, verticalLabelPadding: '0 0 4px' },
  },
};
