/** What public pages say themselves; everything else comes from the definitions. */
export const messages = {
  'zh-CN': {
    send: '提交',
    sending: '正在提交……',
    sent: '已收到，谢谢！',
    number: '您的编号：{0}',
    done: '已完成，谢谢！',
    loading: '正在加载……',
    nowhere: '页面不存在，或链接已失效。',
    nowhereAdvice: '请检查链接是否完整；链接过期后，请联系旅行社重新发送。',
    failed: '暂时无法连接，请稍后重试。',
    again: '重试',
    required: '必填',
    yes: '是',
    no: '否',
    choose: '请选择',
    history: '处理进度',
    validUntil: '链接有效期至 {0}',
    language: '语言',
    next: '返回',
  },
  'zh-TW': {
    send: '送出',
    sending: '正在送出……',
    sent: '已收到，謝謝！',
    number: '您的編號：{0}',
    done: '已完成，謝謝！',
    loading: '正在載入……',
    nowhere: '頁面不存在，或連結已失效。',
    nowhereAdvice: '請檢查連結是否完整；連結過期後，請聯絡旅行社重新寄送。',
    failed: '暫時無法連線，請稍後再試。',
    again: '重試',
    required: '必填',
    yes: '是',
    no: '否',
    choose: '請選擇',
    history: '處理進度',
    validUntil: '連結有效期至 {0}',
    language: '語言',
    next: '返回',
  },
  en: {
    send: 'Send',
    sending: 'Sending…',
    sent: 'We have received it. Thank you!',
    number: 'Your number: {0}',
    done: 'Done. Thank you!',
    loading: 'Loading…',
    nowhere: 'There is no such page, or the link leads nowhere any more.',
    nowhereAdvice: 'Look whether the link is complete. Where it has expired, please ask us for a new one.',
    failed: 'We cannot be reached at the moment. Please try again.',
    again: 'Try again',
    required: 'required',
    yes: 'Yes',
    no: 'No',
    choose: 'Please choose',
    history: 'What has happened',
    validUntil: 'This link is valid until {0}',
    language: 'Language',
    next: 'Back',
  },
} as const satisfies Record<string, Record<string, string>>;

export type PublicLanguage = keyof typeof messages;
export type Message = keyof (typeof messages)['en'];

export const languageNames: Record<PublicLanguage, string> = { 'zh-CN': '简体中文', 'zh-TW': '繁體中文', en: 'English' };

/** The language of the address (`?lang=`), else the browser's, else Simplified Chinese. */
export function languageOf(search: string, browser: readonly string[]): PublicLanguage {
  const asked = new URLSearchParams(search).get('lang');
  for (const tag of asked ? [asked, ...browser] : browser) {
    if (/^zh\b/i.test(tag)) return /hant|[-_](tw|hk|mo)\b/i.test(tag) ? 'zh-TW' : 'zh-CN';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'zh-CN';
}

export function say(language: PublicLanguage, message: Message, ...parts: string[]): string {
  return messages[language][message].replace(/\{(\d)\}/g, (_, place: string) => parts[Number(place)] ?? '');
}
