import antd from 'antd/locale/zh_TW';
import 'dayjs/locale/zh-tw';
import messages from './zh_tw.json';

export default { messages, antd, dayjs: 'zh-tw' };
