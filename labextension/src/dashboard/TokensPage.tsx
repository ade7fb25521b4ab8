import { useState } from 'react';

import { path, type IssuedToken, type Token } from '../api';
import {
  EmptyState,
  ErrorNotice,
  IssuedTokenBox,
  Loading,
  MoreButton,
  NewToken,
  TokenTable,
  useAction,
  useBackend,
  useEvents,
  usePages
} from '../ui';
import { Page } from './page';

/** The user's access tokens. A new one is shown once, here, and nowhere kept. */
export function TokensPage(): JSX.Element {
  const backend = useBackend();
  const tokens = usePages<Token>('/tokens', {});
  // Only in this component's memory: leaving the page forgets it.
  const [issued, setIssued] = useState<IssuedToken | null>(null);
  const rotating = useAction();
  useEvents(event => {
    if (event.kind === 'token' || event.kind === 'reconnected') {
      tokens.reload();
    }
  });
  const show = (token: IssuedToken): void => {
    setIssued(token);
    tokens.reload();
  };
  const rotate = (token: Token): void =>
    rotating.run(async () => {
      show(await backend.send<IssuedToken>('POST', path('tokens', token.id, 'rotate')));
    });
  return (
    <Page title="Access tokens" heading="Access tokens">
      <p className="etiq-quiet description">
        A token connects a notebook or script to this dashboard as you. What it creates is yours. In
        a notebook,{' '}
        <code>
          %etiq_login {location.origin} <span className="nowrap">--device</span>
        </code>{' '}
        needs no copying.
      </p>
      <NewToken onIssued={show} />
      {rotating.error !== undefined && <ErrorNotice error={rotating.error} />}
      {issued && (
        <IssuedTokenBox key={issued.secret} issued={issued} onDone={() => setIssued(null)} />
      )}
      {tokens.error !== undefined && <ErrorNotice error={tokens.error} onRetry={tokens.reload} />}
      {tokens.loading && tokens.items.length === 0 && !tokens.empty && <Loading what="tokens" />}
      {tokens.items.length > 0 && (
        <TokenTable
          tokens={tokens.items}
          onRotate={rotate}
          onDeleted={token => {
            if (issued?.token.id === token.id) {
              setIssued(null);
            }
            tokens.reload();
          }}
        />
      )}
      {tokens.empty && (
        <EmptyState
          title="No tokens yet."
          hint="Name one after the machine or notebook that will use it, and press Add."
        />
      )}
      {tokens.more && <MoreButton pages={tokens} />}
    </Page>
  );
}
