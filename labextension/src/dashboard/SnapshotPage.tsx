import { useState } from 'react';

import { path, type Backend, type SnapshotDetail } from '../api';
import {
  CodeToCopy,
  Dialog,
  SnapshotView,
  saveFile,
  snapshotAddress,
  snapshotId,
  snapshotTitle,
  useBackend,
  useNavigation
} from '../ui';
import { Page, useNarrow } from './page';

/** One snapshot, with what a page can do with it: code to restore it, its cells as a notebook. */
export function SnapshotPage({ snapshot }: { snapshot: string }): JSX.Element {
  const navigation = useNavigation();
  const backend = useBackend();
  const [loaded, setLoaded] = useState<SnapshotDetail>();
  const [restoring, setRestoring] = useState(false);
  const narrow = useNarrow();
  return (
    <Page title={loaded === undefined ? snapshot : snapshotTitle(loaded)} heading={null}>
      <SnapshotView
        snapshot={snapshot}
        narrow={narrow}
        onLoaded={setLoaded}
        actions={[
          {
            id: 'restore',
            label: 'Restore',
            title: 'How to bring its variables into a notebook',
            run: () => setRestoring(true)
          },
          {
            id: 'notebook',
            label: 'Open as notebook',
            title: 'The least cells that made it, as a notebook file',
            run: shown => saveNotebook(backend, shown)
          }
        ]}
        onDeleted={() =>
          navigation.open(
            loaded === undefined
              ? { kind: 'projects' }
              : { kind: 'project', project: loaded.project_short_id || loaded.project }
          )
        }
      />
      {restoring && loaded && (
        <RestoreDialog snapshot={loaded} onClose={() => setRestoring(false)} />
      )}
    </Page>
  );
}

async function saveNotebook(backend: Backend, snapshot: SnapshotDetail): Promise<void> {
  const notebook = await backend.get<unknown>(path('snapshots', snapshot.id, 'notebook'));
  saveFile(
    `${snapshotAddress(snapshot)}.ipynb`,
    'application/x-ipynb+json',
    JSON.stringify(notebook, null, 1)
  );
}

function RestoreDialog(props: { snapshot: SnapshotDetail; onClose(): void }): JSX.Element {
  const { snapshot } = props;
  const name = snapshotAddress(snapshot);
  const start = `%load_ext etiq_jupyter\n%etiq_login ${location.origin}`;
  return (
    <Dialog title={`Restore ${snapshotId(snapshot)}`} onClose={props.onClose}>
      <div className="stack">
        <p>In a notebook that is logged in:</p>
        <CodeToCopy label="Line to restore" code={`%etiq_restore ${name}`} />
        <p>If it is not logged in yet, before that:</p>
        <CodeToCopy label="Lines to log in" code={start} />
        <p className="etiq-quiet">
          Existing variables are not overwritten unless you add <code>--force</code>. Restoring
          never runs the code of the snapshot.
        </p>
        <div className="etiq-actions">
          <button type="button" className="etiq-button" onClick={props.onClose}>
            Close
          </button>
        </div>
      </div>
    </Dialog>
  );
}
