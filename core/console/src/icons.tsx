import AlertOutlined from '@ant-design/icons/es/icons/AlertOutlined';
import AppstoreOutlined from '@ant-design/icons/es/icons/AppstoreOutlined';
import AuditOutlined from '@ant-design/icons/es/icons/AuditOutlined';
import BankOutlined from '@ant-design/icons/es/icons/BankOutlined';
import BarChartOutlined from '@ant-design/icons/es/icons/BarChartOutlined';
import BellOutlined from '@ant-design/icons/es/icons/BellOutlined';
import BookOutlined from '@ant-design/icons/es/icons/BookOutlined';
import CalendarOutlined from '@ant-design/icons/es/icons/CalendarOutlined';
import CarOutlined from '@ant-design/icons/es/icons/CarOutlined';
import CheckCircleOutlined from '@ant-design/icons/es/icons/CheckCircleOutlined';
import ClockCircleOutlined from '@ant-design/icons/es/icons/ClockCircleOutlined';
import CompassOutlined from '@ant-design/icons/es/icons/CompassOutlined';
import ContactsOutlined from '@ant-design/icons/es/icons/ContactsOutlined';
import CustomerServiceOutlined from '@ant-design/icons/es/icons/CustomerServiceOutlined';
import DashboardOutlined from '@ant-design/icons/es/icons/DashboardOutlined';
import DollarOutlined from '@ant-design/icons/es/icons/DollarOutlined';
import EnvironmentOutlined from '@ant-design/icons/es/icons/EnvironmentOutlined';
import FileTextOutlined from '@ant-design/icons/es/icons/FileTextOutlined';
import FlagOutlined from '@ant-design/icons/es/icons/FlagOutlined';
import FolderOutlined from '@ant-design/icons/es/icons/FolderOutlined';
import GiftOutlined from '@ant-design/icons/es/icons/GiftOutlined';
import GlobalOutlined from '@ant-design/icons/es/icons/GlobalOutlined';
import HeartOutlined from '@ant-design/icons/es/icons/HeartOutlined';
import HomeOutlined from '@ant-design/icons/es/icons/HomeOutlined';
import IdcardOutlined from '@ant-design/icons/es/icons/IdcardOutlined';
import MailOutlined from '@ant-design/icons/es/icons/MailOutlined';
import MessageOutlined from '@ant-design/icons/es/icons/MessageOutlined';
import PhoneOutlined from '@ant-design/icons/es/icons/PhoneOutlined';
import ProfileOutlined from '@ant-design/icons/es/icons/ProfileOutlined';
import SafetyOutlined from '@ant-design/icons/es/icons/SafetyOutlined';
import ScheduleOutlined from '@ant-design/icons/es/icons/ScheduleOutlined';
import SettingOutlined from '@ant-design/icons/es/icons/SettingOutlined';
import ShopOutlined from '@ant-design/icons/es/icons/ShopOutlined';
import ShoppingOutlined from '@ant-design/icons/es/icons/ShoppingOutlined';
import SmileOutlined from '@ant-design/icons/es/icons/SmileOutlined';
import SolutionOutlined from '@ant-design/icons/es/icons/SolutionOutlined';
import StarOutlined from '@ant-design/icons/es/icons/StarOutlined';
import TagOutlined from '@ant-design/icons/es/icons/TagOutlined';
import TeamOutlined from '@ant-design/icons/es/icons/TeamOutlined';
import ToolOutlined from '@ant-design/icons/es/icons/ToolOutlined';
import TruckOutlined from '@ant-design/icons/es/icons/TruckOutlined';
import UnorderedListOutlined from '@ant-design/icons/es/icons/UnorderedListOutlined';
import UserOutlined from '@ant-design/icons/es/icons/UserOutlined';
import WarningOutlined from '@ant-design/icons/es/icons/WarningOutlined';

/** Icons that definitions may name, by antd's names without the suffix. */
const icons = {
  alert: AlertOutlined, appstore: AppstoreOutlined, audit: AuditOutlined, bank: BankOutlined, 'bar-chart': BarChartOutlined,
  bell: BellOutlined, book: BookOutlined, calendar: CalendarOutlined, car: CarOutlined, 'check-circle': CheckCircleOutlined,
  'clock-circle': ClockCircleOutlined, compass: CompassOutlined, contacts: ContactsOutlined,
  'customer-service': CustomerServiceOutlined, dashboard: DashboardOutlined, dollar: DollarOutlined,
  environment: EnvironmentOutlined, 'file-text': FileTextOutlined, flag: FlagOutlined, folder: FolderOutlined, gift: GiftOutlined,
  global: GlobalOutlined, heart: HeartOutlined, home: HomeOutlined, idcard: IdcardOutlined, mail: MailOutlined,
  message: MessageOutlined, phone: PhoneOutlined, profile: ProfileOutlined, safety: SafetyOutlined, schedule: ScheduleOutlined,
  setting: SettingOutlined, shop: ShopOutlined, shopping: ShoppingOutlined, smile: SmileOutlined, solution: SolutionOutlined,
  star: StarOutlined, tag: TagOutlined, team: TeamOutlined, tool: ToolOutlined, truck: TruckOutlined,
  'unordered-list': UnorderedListOutlined, user: UserOutlined, warning: WarningOutlined,
};

/** The icon of that name; a neutral one where the name is unknown. */
export function NamedIcon({ name }: { name: string | null | undefined }) {
  const key = (name ?? '').toLowerCase().replace(/[-_]?(outlined|filled)$/, '').replaceAll('_', '-');
  const Icon = Object.hasOwn(icons, key) ? icons[key as keyof typeof icons] : AppstoreOutlined;
  return <Icon aria-hidden />;
}
