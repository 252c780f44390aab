import type { Language } from '../i18n';

/** The editor's own words, by those that it has in English. */
const words: Record<string, [string, string]> = {
  Completions: ['补全建议', '補全建議'],
  Diagnostics: ['检查结果', '檢查結果'],
  'No diagnostics': ['没有问题', '沒有問題'],
  Find: ['查找', '尋找'],
  Replace: ['替换', '取代'],
  next: ['下一个', '下一個'],
  previous: ['上一个', '上一個'],
  all: ['全部', '全部'],
  'match case': ['区分大小写', '區分大小寫'],
  regexp: ['正则表达式', '正規表示式'],
  'by word': ['全字匹配', '全字相符'],
  replace: ['替换', '取代'],
  'replace all': ['全部替换', '全部取代'],
  close: ['关闭', '關閉'],
  'Fold line': ['折叠此行', '摺疊此行'],
  'Unfold line': ['展开此行', '展開此行'],
  'Folded lines': ['已折叠的行', '已摺疊的行'],
  'Unfolded lines': ['已展开的行', '已展開的行'],
  unfold: ['展开', '展開'],
  'folded code': ['已折叠的内容', '已摺疊的內容'],
  to: ['到', '到'],
  'current match': ['当前匹配', '目前相符'],
  'on line': ['所在行', '所在行'],
  'replaced match on line $': ['已替换第 $ 行的匹配', '已取代第 $ 行的相符項'],
  'replaced $ matches': ['已替换 $ 处', '已取代 $ 處'],
  'Selection deleted': ['已删除所选内容', '已刪除所選內容'],
  'Control character': ['控制字符', '控制字元'],
};

const made = new Map<Language, Record<string, string>>();

export function phrasesFor(language: Language): Record<string, string> {
  let found = made.get(language);
  if (!found) {
    found = language === 'en' ? {} : Object.fromEntries(Object.entries(words).map(([word, [hans, hant]]) => [word, language === 'zh-TW' ? hant : hans]));
    made.set(language, found);
  }
  return found;
}
