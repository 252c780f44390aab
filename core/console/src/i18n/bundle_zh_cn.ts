import antd from 'antd/locale/zh_CN';
import 'dayjs/locale/zh-cn';
import messages from './zh_cn.json';

export default { messages, antd, dayjs: 'zh-cn' };
