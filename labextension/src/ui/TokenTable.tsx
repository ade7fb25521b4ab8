import { useState } from 'react';

import { path, type Token } from '../api';
import { useBackend } from './context';
import { Confirm } from './controls';
import { ErrorNotice } from './notices';
import { RelativeTime } from './RelativeTime';
import { useAction } from './resource';

/** The user's access tokens, without their texts; each can be replaced or deleted. */
export function TokenTable(props: {
  tokens: readonly Token[];
  onDeleted(token: Token): void;
  onRotate(token: Token): void;
}): JSX.Element {
  const [deleting, setDeleting] = useState<Token | null>(null);
  const [rotating, setRotating] = useState<Token | null>(null);
  return (
    <>
      <div className="etiq-table-scroll" tabIndex={0} role="group" aria-label="Access tokens">
        <table className="etiq-table etiq-tokens">
          <thead>
            <tr>
              <th scope="col">name</th>
              <th scope="col">scopes</th>
              <th scope="col">ends in</th>
              <th scope="col">created</th>
              <th scope="col">expires</th>
              <th scope="col">last used</th>
              <th scope="col">
                <span className="etiq-unseen">actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {props.tokens.map(token => (
              <tr key={token.id}>
                <th scope="row">{token.name}</th>
                <td>{token.scopes.join(', ')}</td>
                <td>
                  <code>…{token.last_chars}</code>
                </td>
                <td>
                  <RelativeTime time={token.created_at} sentence />
                </td>
                <td>
                  <RelativeTime time={token.expires_at} future />
                </td>
                <td>
                  <RelativeTime time={token.last_used_at} sentence />
                </td>
                <td>
                  <div className="etiq-row-actions">
                    <button
                      type="button"
                      className="etiq-link"
                      aria-label={`Rotate ${token.name}`}
                      onClick={() => setRotating(token)}
                    >
                      Rotate
                    </button>
                    <button
                      type="button"
                      className="etiq-link etiq-danger"
                      aria-label={`Delete ${token.name}`}
                      onClick={() => setDeleting(token)}
                    >
                      Delete
                    </button>
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {deleting && (
        <DeleteToken
          token={deleting}
          onClose={() => setDeleting(null)}
          onDeleted={() => {
            setDeleting(null);
            props.onDeleted(deleting);
          }}
        />
      )}
      {rotating && (
        <Confirm
          title={`Rotate ${rotating.name}?`}
          text="A new token with the same name and scopes takes its place. The old one stops working at once: what uses it must log in again."
          verb="Rotate"
          onCancel={() => setRotating(null)}
          onConfirm={() => {
            setRotating(null);
            props.onRotate(rotating);
          }}
        />
      )}
    </>
  );
}

function DeleteToken(props: { token: Token; onClose(): void; onDeleted(): void }): JSX.Element {
  const backend = useBackend();
  const deleting = useAction();
  return (
    <Confirm
      title={`Delete ${props.token.name}?`}
      text="It stops working at once. Sessions that use it keep their unsent snapshots on their disk and ask to log in again."
      verb="Delete"
      running={deleting.running}
      error={deleting.error !== undefined && <ErrorNotice error={deleting.error} />}
      onCancel={props.onClose}
      onConfirm={() =>
        deleting.run(async () => {
          await backend.send('DELETE', path('tokens', props.token.id));
          props.onDeleted();
        })
      }
    />
  );
}
