import antd from 'antd/locale/en_US';
import 'dayjs/locale/en';
import messages from './en.json';

export default { messages, antd, dayjs: 'en' };
