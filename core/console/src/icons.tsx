import AlertOutlined from '@ant-design/icons/es/icons/AlertOutlined';
import AppstoreOutlined from '@ant-design/icons/es/icons/AppstoreOutlined';
import AuditOutlined from '@ant-design/icons/es/icons/AuditOutlined';
import BankOutlined from '@ant-design/icons/es/icons/BankOutlined';
import BarChartOutlined from '@ant-design/icons/es/icons/BarChartOutlined';
import BarsOutlined from '@ant-design/icons/es/icons/BarsOutlined';
import BellOutlined from '@ant-design/icons/es/icons/BellOutlined';
import BookOutlined from '@ant-design/icons/es/icons/BookOutlined';
import CalculatorOutlined from '@ant-design/icons/es/icons/CalculatorOutlined';
import CalendarOutlined from '@ant-design/icons/es/icons/CalendarOutlined';
import CarOutlined from '@ant-design/icons/es/icons/CarOutlined';
import CarryOutOutlined from '@ant-design/icons/es/icons/CarryOutOutlined';
import CheckCircleOutlined from '@ant-design/icons/es/icons/CheckCircleOutlined';
import CheckOutlined from '@ant-design/icons/es/icons/CheckOutlined';
import CheckSquareOutlined from '@ant-design/icons/es/icons/CheckSquareOutlined';
import ClockCircleOutlined from '@ant-design/icons/es/icons/ClockCircleOutlined';
import CommentOutlined from '@ant-design/icons/es/icons/CommentOutlined';
import CompassOutlined from '@ant-design/icons/es/icons/CompassOutlined';
import ContactsOutlined from '@ant-design/icons/es/icons/ContactsOutlined';
import CustomerServiceOutlined from '@ant-design/icons/es/icons/CustomerServiceOutlined';
import DashboardOutlined from '@ant-design/icons/es/icons/DashboardOutlined';
import DatabaseOutlined from '@ant-design/icons/es/icons/DatabaseOutlined';
import DollarOutlined from '@ant-design/icons/es/icons/DollarOutlined';
import EditOutlined from '@ant-design/icons/es/icons/EditOutlined';
import EnvironmentOutlined from '@ant-design/icons/es/icons/EnvironmentOutlined';
import ExceptionOutlined from '@ant-design/icons/es/icons/ExceptionOutlined';
import FileAddOutlined from '@ant-design/icons/es/icons/FileAddOutlined';
import FileDoneOutlined from '@ant-design/icons/es/icons/FileDoneOutlined';
import FileProtectOutlined from '@ant-design/icons/es/icons/FileProtectOutlined';
import FileTextOutlined from '@ant-design/icons/es/icons/FileTextOutlined';
import FilterOutlined from '@ant-design/icons/es/icons/FilterOutlined';
import FlagOutlined from '@ant-design/icons/es/icons/FlagOutlined';
import FolderOutlined from '@ant-design/icons/es/icons/FolderOutlined';
import FormOutlined from '@ant-design/icons/es/icons/FormOutlined';
import GiftOutlined from '@ant-design/icons/es/icons/GiftOutlined';
import GlobalOutlined from '@ant-design/icons/es/icons/GlobalOutlined';
import HeartOutlined from '@ant-design/icons/es/icons/HeartOutlined';
import HomeOutlined from '@ant-design/icons/es/icons/HomeOutlined';
import IdcardOutlined from '@ant-design/icons/es/icons/IdcardOutlined';
import LockOutlined from '@ant-design/icons/es/icons/LockOutlined';
import MailOutlined from '@ant-design/icons/es/icons/MailOutlined';
import MedicineBoxOutlined from '@ant-design/icons/es/icons/MedicineBoxOutlined';
import MessageOutlined from '@ant-design/icons/es/icons/MessageOutlined';
import OrderedListOutlined from '@ant-design/icons/es/icons/OrderedListOutlined';
import PercentageOutlined from '@ant-design/icons/es/icons/PercentageOutlined';
import PhoneOutlined from '@ant-design/icons/es/icons/PhoneOutlined';
import ProfileOutlined from '@ant-design/icons/es/icons/ProfileOutlined';
import PushpinOutlined from '@ant-design/icons/es/icons/PushpinOutlined';
import QuestionCircleOutlined from '@ant-design/icons/es/icons/QuestionCircleOutlined';
import ReadOutlined from '@ant-design/icons/es/icons/ReadOutlined';
import RiseOutlined from '@ant-design/icons/es/icons/RiseOutlined';
import SafetyOutlined from '@ant-design/icons/es/icons/SafetyOutlined';
import ScheduleOutlined from '@ant-design/icons/es/icons/ScheduleOutlined';
import SettingOutlined from '@ant-design/icons/es/icons/SettingOutlined';
import ShopOutlined from '@ant-design/icons/es/icons/ShopOutlined';
import ShoppingCartOutlined from '@ant-design/icons/es/icons/ShoppingCartOutlined';
import ShoppingOutlined from '@ant-design/icons/es/icons/ShoppingOutlined';
import SmileOutlined from '@ant-design/icons/es/icons/SmileOutlined';
import SolutionOutlined from '@ant-design/icons/es/icons/SolutionOutlined';
import StarOutlined from '@ant-design/icons/es/icons/StarOutlined';
import StopOutlined from '@ant-design/icons/es/icons/StopOutlined';
import SwapOutlined from '@ant-design/icons/es/icons/SwapOutlined';
import TagOutlined from '@ant-design/icons/es/icons/TagOutlined';
import TagsOutlined from '@ant-design/icons/es/icons/TagsOutlined';
import TeamOutlined from '@ant-design/icons/es/icons/TeamOutlined';
import ToolOutlined from '@ant-design/icons/es/icons/ToolOutlined';
import TransactionOutlined from '@ant-design/icons/es/icons/TransactionOutlined';
import TruckOutlined from '@ant-design/icons/es/icons/TruckOutlined';
import UnorderedListOutlined from '@ant-design/icons/es/icons/UnorderedListOutlined';
import UserDeleteOutlined from '@ant-design/icons/es/icons/UserDeleteOutlined';
import UserOutlined from '@ant-design/icons/es/icons/UserOutlined';
import WalletOutlined from '@ant-design/icons/es/icons/WalletOutlined';
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
  bars: BarsOutlined, calculator: CalculatorOutlined, 'carry-out': CarryOutOutlined, check: CheckOutlined, 'check-square': CheckSquareOutlined, comment: CommentOutlined, database: DatabaseOutlined, edit: EditOutlined, exception: ExceptionOutlined, 'file-add': FileAddOutlined, 'file-done': FileDoneOutlined, 'file-protect': FileProtectOutlined, filter: FilterOutlined, form: FormOutlined, lock: LockOutlined, 'medicine-box': MedicineBoxOutlined, 'ordered-list': OrderedListOutlined, percentage: PercentageOutlined, pushpin: PushpinOutlined, 'question-circle': QuestionCircleOutlined, read: ReadOutlined, rise: RiseOutlined, 'shopping-cart': ShoppingCartOutlined, stop: StopOutlined, swap: SwapOutlined, tags: TagsOutlined, transaction: TransactionOutlined, 'user-delete': UserDeleteOutlined, wallet: WalletOutlined,
  'unordered-list': UnorderedListOutlined, user: UserOutlined, warning: WarningOutlined,
};

/** The icon of that name; a neutral one where the name is unknown. */
export function NamedIcon({ name }: { name: string | null | undefined }) {
  const key = (name ?? '').toLowerCase().replace(/[-_]?(outlined|filled)$/, '').replaceAll('_', '-');
  const Icon = Object.hasOwn(icons, key) ? icons[key as keyof typeof icons] : AppstoreOutlined;
  return <Icon aria-hidden />;
}
