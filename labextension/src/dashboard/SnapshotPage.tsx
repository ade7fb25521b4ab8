import { useState } from 'react';

import type { SnapshotDetail } from '../api';
import { SnapshotView, snapshotTitle, useNavigation } from '../ui';
import { Page } from './page';

export function SnapshotPage({ snapshot }: { snapshot: string }): JSX.Element {
  const navigation = useNavigation();
  const [loaded, setLoaded] = useState<SnapshotDetail>();
  return (
    <Page title={loaded === undefined ? snapshot : snapshotTitle(loaded)} heading={null}>
      <SnapshotView
        snapshot={snapshot}
        onLoaded={setLoaded}
        onDeleted={() =>
          navigation.open(
            loaded === undefined
              ? { kind: 'projects' }
              : { kind: 'project', project: loaded.project_short_id || loaded.project }
          )
        }
      />
    </Page>
  );
}
