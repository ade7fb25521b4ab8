import { useState } from 'react';

import { path, type SnapshotDetail } from '../api';
import { useBackend } from './context';
import { ErrorNotice } from './notices';
import { useAction } from './resource';

/** A snapshot's tags; editors add and take away. */
export function TagEditor(props: {
  snapshot: SnapshotDetail;
  editable: boolean;
  onChanged(): void;
}): JSX.Element | null {
  const { snapshot, editable } = props;
  const backend = useBackend();
  const [adding, setAdding] = useState<string | null>(null);
  const saving = useAction();
  if (snapshot.tags.length === 0 && !editable) {
    return null;
  }
  const save = (tags: string[]): void =>
    saving.run(async () => {
      await backend.send('PATCH', path('snapshots', snapshot.id), { tags });
      setAdding(null);
      props.onChanged();
    });
  return (
    <div className="etiq-tags">
      {snapshot.tags.map(tag => (
        <span key={tag} className="etiq-tag">
          {tag}
          {editable && (
            <button
              type="button"
              aria-label={`Remove tag ${tag}`}
              disabled={saving.running}
              onClick={() => save(snapshot.tags.filter(each => each !== tag))}
            >
              ×
            </button>
          )}
        </span>
      ))}
      {editable && adding === null && (
        <button type="button" className="etiq-link" onClick={() => setAdding('')}>
          Add a tag
        </button>
      )}
      {adding !== null && (
        <form
          onSubmit={event => {
            event.preventDefault();
            const tag = adding.trim();
            if (tag === '' || snapshot.tags.includes(tag)) {
              setAdding(null);
            } else {
              save([...snapshot.tags, tag]);
            }
          }}
        >
          <input
            className="etiq-input etiq-input-small"
            aria-label="New tag"
            autoFocus
            maxLength={100}
            value={adding}
            onChange={event => setAdding(event.target.value)}
            onKeyDown={event => event.key === 'Escape' && setAdding(null)}
          />
        </form>
      )}
      {saving.error !== undefined && <ErrorNotice error={saving.error} />}
    </div>
  );
}
