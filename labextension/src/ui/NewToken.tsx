import { useId, useState } from 'react';

import { asProblem, type IssuedToken } from '../api';
import { useBackend } from './context';
import { CodeToCopy, CopyButton, ErrorNotice } from './notices';
import { useAction } from './resource';
import { saveFile } from './saveFile';

const EXPIRES: [days: number, label: string][] = [
  [0, 'never'],
  [7, 'in 7 days'],
  [30, 'in 30 days'],
  [90, 'in 90 days'],
  [365, 'in a year']
];
const SCOPES: [scopes: string[], label: string][] = [
  [['read', 'write'], 'read and write'],
  [['read'], 'read only'],
  [['read', 'write', 'admin'], 'read, write and manage']
];

/** The "Token name" box and Add. */
export function NewToken(props: { onIssued(token: IssuedToken): void }): JSX.Element {
  const backend = useBackend();
  const [name, setName] = useState('');
  const [days, setDays] = useState(0);
  const [scopes, setScopes] = useState(0);
  const adding = useAction();
  const fault = useId();
  const empty = name.trim() === '';
  const add = (): void =>
    adding.run(async () => {
      const issued = await backend.send<IssuedToken>('POST', '/tokens', {
        name: name.trim(),
        scopes: SCOPES[scopes]?.[0],
        expires_at: days === 0 ? null : new Date(Date.now() + days * 86_400_000).toISOString()
      });
      setName('');
      props.onIssued(issued);
    });
  const problem = adding.error === undefined ? null : asProblem(adding.error);
  return (
    <form
      className="etiq-new-token"
      onSubmit={event => {
        event.preventDefault();
        if (!empty) {
          add();
        }
      }}
    >
      <label className="etiq-field">
        <span>Token name</span>
        <input
          className="etiq-input"
          placeholder="laptop, or what will use it"
          autoComplete="off"
          maxLength={200}
          aria-invalid={problem?.path === 'name' || undefined}
          aria-describedby={problem ? fault : undefined}
          value={name}
          onChange={event => setName(event.target.value)}
        />
      </label>
      <label className="etiq-field">
        <span>May</span>
        <select
          className="etiq-input"
          value={scopes}
          onChange={event => setScopes(Number(event.target.value))}
        >
          {SCOPES.map(([, label], index) => (
            <option key={label} value={index}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label className="etiq-field">
        <span>Expires</span>
        <select
          className="etiq-input"
          value={days}
          onChange={event => setDays(Number(event.target.value))}
        >
          {EXPIRES.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <button
        type="submit"
        className="etiq-button etiq-button-primary"
        disabled={empty || adding.running}
      >
        Add
      </button>
      {problem && (
        <div id={fault} className="etiq-field-wide">
          <ErrorNotice error={problem} />
        </div>
      )}
    </form>
  );
}

/** The token, this once: to copy, to download, to set. */
export function IssuedTokenBox(props: { issued: IssuedToken; onDone(): void }): JSX.Element {
  const { token, secret, dashboard_url: url } = props.issued;
  return (
    <section className="etiq-issued" aria-label={`Token ${token.name}`}>
      <h2>Token {token.name}</h2>
      <p>
        <strong>You can't view it again after you leave this page.</strong> Copy it or download the
        configuration now.
      </p>
      <div className="etiq-copybox">
        <input
          className="etiq-input etiq-secret"
          aria-label="Access token"
          readOnly
          autoComplete="off"
          spellCheck={false}
          value={secret}
          onFocus={event => event.target.select()}
        />
        <CopyButton text={secret} name="access token" />
        <Download issued={props.issued} />
      </div>
      <h3>In the environment</h3>
      <CodeToCopy
        label="Environment lines"
        code={`export ETIQ_DASHBOARD_URL=${url}\nexport ETIQ_TOKEN=${secret}`}
      />
      <h3>Or in Python</h3>
      <CodeToCopy
        label="Python lines"
        code={`import etiq_jupyter as etiq\netiq.login("${url}", "${secret}")`}
      />
      <div className="etiq-actions">
        <button type="button" className="etiq-button" onClick={props.onDone}>
          Done: hide the token
        </button>
      </div>
    </section>
  );
}

/** The configuration that `etiq.connect(config=...)` reads, as a file. */
export function tokenConfig(issued: IssuedToken): string {
  return JSON.stringify({ host: issued.dashboard_url, api_token: issued.secret }, null, 2) + '\n';
}

function Download({ issued }: { issued: IssuedToken }): JSX.Element {
  const save = (): void => saveFile('etiq-config.json', 'application/json', tokenConfig(issued));
  return (
    <button type="button" className="etiq-button" onClick={save}>
      Download JSON
    </button>
  );
}
