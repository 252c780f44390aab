import { Skeleton } from 'antd';
import { LoadError } from '../components/load_state';
import { DraftBar } from './publish';
import { DefinitionPanel, type GoTo } from './panel';
import { useDefinitions, useOwnDraft } from './use_definitions';

/** The console's text of one definition, beside something that shows what it makes of it. */
export default function Overlay({ kind, name, onLeave }: { kind: string; name: string; onLeave: (place: GoTo) => void }) {
  const definitions = useDefinitions();
  const draft = useOwnDraft();
  if (definitions.isPending) return <Skeleton active className="skeleton" />;
  if (definitions.isError) return <LoadError error={definitions.error} onRetry={() => void definitions.refetch()} />;
  const go = (place: GoTo) => {
    if (place.kind !== kind || place.name !== name) onLeave(place);
  };
  return (
    <>
      <DraftBar draft={draft} base={definitions.data.base} onGo={go} />
      <DefinitionPanel kind={kind} name={name} base={definitions.data.base} onGo={go} narrow />
    </>
  );
}
