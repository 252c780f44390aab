import dayjsConfig from '@rc-component/picker/generate/dayjs';
import { DatePicker as AntdPicker, type DatePickerProps } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { wallClock } from '../format';
import { useSession } from '../session';

const makePicker = (timeZone: string) => AntdPicker.generatePicker<Dayjs>({ ...dayjsConfig, getNow: () => dayjs(wallClock(new Date().toISOString(), timeZone)) });
const made = new Map<string, ReturnType<typeof makePicker>>();

/** antd's, whose "now" and "today" are on the agency's clock, wherever the browser is. */
export function DatePicker(props: DatePickerProps<Dayjs, false>) {
  const { locale } = useSession();
  let Picker = made.get(locale.timeZone);
  if (!Picker) made.set(locale.timeZone, (Picker = makePicker(locale.timeZone)));
  return <Picker {...props} />;
}
