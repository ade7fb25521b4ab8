import { useState } from 'react';

import { asProblem, path, type DeviceRequest, type Me } from '../api';
import {
  ErrorNotice,
  Loading,
  PlaceLink,
  RelativeTime,
  useAction,
  useBackend,
  useResource
} from '../ui';
import { Page } from './page';
import { go, useAddress, withQuery } from './router';

type Verdict = 'approve' | 'deny';

/** Somebody's word that a notebook may be logged in as them; no token is copied. */
export function DevicePage({ me }: { me: Me }): JSX.Element {
  const url = useAddress();
  const code = url.searchParams.get('code') ?? '';
  const look = (typed: string): void => go(withQuery(url, { code: typed }));
  return (
    <Page title="Log a notebook in">
      <div className="narrow-column">
        {code === '' ? (
          <CodeForm onCode={look} />
        ) : (
          <Waiting key={code} code={code} me={me} onCode={look} />
        )}
      </div>
    </Page>
  );
}

function CodeForm(props: { onCode(code: string): void; invalid?: boolean }): JSX.Element {
  const [typed, setTyped] = useState('');
  const code = typed.trim().toUpperCase();
  return (
    <form
      className="stack"
      onSubmit={event => {
        event.preventDefault();
        if (code !== '') {
          props.onCode(code);
        }
      }}
    >
      <label className="etiq-field">
        <span>Code</span>
        <input
          className="etiq-input device-input"
          placeholder="XXXX-XXXX"
          autoComplete="off"
          autoCapitalize="characters"
          autoFocus
          spellCheck={false}
          maxLength={20}
          aria-invalid={props.invalid || undefined}
          value={typed}
          onChange={event => setTyped(event.target.value)}
        />
        <small className="etiq-quiet">
          A notebook shows it when <code>%etiq_login --device</code> runs in it.
        </small>
      </label>
      <div className="etiq-actions">
        <button
          type="submit"
          className="etiq-button etiq-button-primary"
          disabled={code.length === 0}
        >
          Continue
        </button>
      </div>
    </form>
  );
}

function Waiting(props: { code: string; me: Me; onCode(code: string): void }): JSX.Element {
  const asked = useResource<DeviceRequest>(path('device', 'codes', props.code));
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  if (asked.data !== undefined && verdict !== null) {
    return <Answered request={asked.data} verdict={verdict} />;
  }
  if (asked.error !== undefined) {
    const unknown = asProblem(asked.error).status === 404;
    return (
      <>
        <ErrorNotice error={asked.error} onRetry={unknown ? undefined : asked.reload} />
        {unknown && <CodeForm onCode={props.onCode} invalid />}
      </>
    );
  }
  if (asked.data === undefined) {
    return <Loading what="who asks" />;
  }
  return <Question request={asked.data} me={props.me} onAnswered={setVerdict} />;
}

function Question(props: {
  request: DeviceRequest;
  me: Me;
  onAnswered(verdict: Verdict): void;
}): JSX.Element {
  const { request } = props;
  const backend = useBackend();
  const answering = useAction();
  const answer = (verdict: Verdict): void =>
    answering.run(async () => {
      await backend.send('POST', path('device', verdict), { user_code: request.user_code });
      props.onAnswered(verdict);
    });
  return (
    <section className="device" aria-label="Who asks">
      <p>
        <strong>{request.name}</strong> asks to be logged in as you,{' '}
        <strong>{props.me.user.username}</strong>.
      </p>
      <dl className="device-facts">
        <dt>Code</dt>
        <dd className="device-code">{request.user_code}</dd>
        <dt>From</dt>
        <dd>{request.address || 'an unknown address'}</dd>
        <dt>Asked</dt>
        <dd>
          <RelativeTime time={request.created_at} sentence />
        </dd>
        <dt>Expires</dt>
        <dd>
          <RelativeTime time={request.expires_at} future />
        </dd>
      </dl>
      <p>
        It will read and write as you, until its token is deleted. Approve it only if you have just
        started it yourself and the notebook shows this same code.
      </p>
      {answering.error !== undefined && <ErrorNotice error={answering.error} />}
      <div className="etiq-actions">
        <button
          type="button"
          className="etiq-button etiq-button-primary"
          disabled={answering.running}
          onClick={() => answer('approve')}
        >
          Approve
        </button>
        <button
          type="button"
          className="etiq-button"
          disabled={answering.running}
          onClick={() => answer('deny')}
        >
          Deny
        </button>
      </div>
    </section>
  );
}

function Answered(props: { request: DeviceRequest; verdict: Verdict }): JSX.Element {
  const { name } = props.request;
  return props.verdict === 'approve' ? (
    <div className="device" role="status">
      <p>
        <strong>Approved.</strong> Go back to the notebook: it goes on within a few seconds. You can
        close this page.
      </p>
      <p>
        Its token is called <strong>{name}</strong> in your{' '}
        <PlaceLink to={{ kind: 'tokens' }}>access tokens</PlaceLink>, where you can delete it.
      </p>
    </div>
  ) : (
    <div className="device" role="status">
      <p>
        <strong>Denied.</strong> {name} is told so and gets no access. There is nothing else to do.
      </p>
    </div>
  );
}
