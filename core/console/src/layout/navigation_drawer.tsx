import { Drawer } from 'antd';
import Navigation from './navigation';

/** The navigation where there is no room beside the page. */
export default function NavigationDrawer({ title, open, onClose }: { title: string; open: boolean; onClose: () => void }) {
  return (
    <Drawer open={open} onClose={onClose} placement="left" size={264} title={title} styles={{ body: { padding: 8 } }}>
      <Navigation />
    </Drawer>
  );
}
