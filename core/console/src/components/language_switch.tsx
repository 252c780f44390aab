import GlobalOutlined from '@ant-design/icons/es/icons/GlobalOutlined';
import { App, Button, Dropdown } from 'antd';
import { useTranslation } from 'react-i18next';
import { languages, type Language } from '../i18n';
import { useLanguage } from '../services';
import { useChangeLanguage } from '../session';
import { useErrorText } from '../use_error_text';

export function LanguageSwitch() {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const change = useChangeLanguage();
  const { message } = App.useApp();
  const errorText = useErrorText();
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        items: languages.map(({ code, label }) => ({ key: code, label: <span lang={code}>{label}</span> })),
        selectable: true,
        selectedKeys: [language],
        onClick: ({ key }) => {
          change(key as Language).catch((error: unknown) => void message.error(errorText(error)));
        },
      }}
    >
      <Button type="text" icon={<GlobalOutlined aria-hidden />}>
        <span className="hidden-text">{t('app.language')}{t('value.colon')}</span>
        <span className="wide-only">{languages.find(({ code }) => code === language)?.label}</span>
      </Button>
    </Dropdown>
  );
}
