import { useEffect, useState, type ReactNode } from 'react';

import { asProblem, type Me } from '../api';
import { ErrorNotice, useAction, useBackend } from '../ui';
import { useTitle } from './page';
import { go, useAddress } from './router';

interface WayIn {
  onSignedIn(me: Me): void;
}

function Frame(props: { title: string; children: ReactNode }): JSX.Element {
  useTitle(props.title);
  return (
    <main className="way-in">
      <div className="rail-brand" aria-hidden="true">
        etiq
      </div>
      <h1>{props.title}</h1>
      {props.children}
    </main>
  );
}

function Field(props: {
  label: string;
  value: string;
  onChange(value: string): void;
  type?: string;
  autoComplete: string;
  autoFocus?: boolean;
  required?: boolean;
  hint?: string;
  invalid?: boolean;
}): JSX.Element {
  return (
    <label className="etiq-field">
      <span>{props.label}</span>
      <input
        className="etiq-input"
        type={props.type ?? 'text'}
        autoComplete={props.autoComplete}
        autoFocus={props.autoFocus}
        autoCapitalize="none"
        spellCheck={false}
        required={props.required ?? true}
        aria-invalid={props.invalid || undefined}
        value={props.value}
        onChange={event => props.onChange(event.target.value)}
      />
      {props.hint && <small className="etiq-quiet">{props.hint}</small>}
    </label>
  );
}

/** Name and password. */
export function SignIn({ onSignedIn }: WayIn): JSX.Element {
  const backend = useBackend();
  const url = useAddress();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const entering = useAction();
  useEffect(() => {
    // The address of the page that was asked for stays, so that signing in leads there.
    if (url.pathname === '/') {
      go('/sign-in', 'replace');
    }
  }, [url.pathname]);
  return (
    <Frame title="Sign in">
      <form
        onSubmit={event => {
          event.preventDefault();
          entering.run(async () => {
            onSignedIn(await backend.send<Me>('POST', '/sign-in', { username, password }));
          });
        }}
      >
        <Field
          label="Username"
          autoComplete="username"
          autoFocus
          value={username}
          onChange={setUsername}
        />
        <Field
          label="Password"
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
        />
        {entering.error !== undefined && <ErrorNotice error={entering.error} />}
        <button
          type="submit"
          className="etiq-button etiq-button-primary"
          disabled={entering.running}
        >
          Sign in
        </button>
      </form>
    </Frame>
  );
}

/** The first account, from the one-time link. */
export function Setup({ onSignedIn }: WayIn): JSX.Element {
  const url = useAddress();
  const [secret] = useState(() => url.searchParams.get('secret') ?? '');
  useEffect(() => {
    // The secret must not stay in the address bar, the history and screenshots.
    if (secret !== '') {
      go('/setup', 'replace');
    }
  }, [secret]);
  return (
    <NewAccount
      title="Set up this dashboard"
      intro="Make the first account. It manages this dashboard; other people are added later."
      verb="Create account"
      path="/setup"
      extra={{ secret }}
      missing={
        secret === ''
          ? 'This page needs the one-time link that the dashboard printed when it started.'
          : ''
      }
      onSignedIn={onSignedIn}
    />
  );
}

/** An account of one's own, where the dashboard allows it. */
export function Register({ onSignedIn }: WayIn): JSX.Element {
  return (
    <NewAccount
      title="Create an account"
      intro=""
      verb="Create account"
      path="/register"
      extra={{}}
      missing=""
      onSignedIn={onSignedIn}
    />
  );
}

function NewAccount(
  props: {
    title: string;
    intro: string;
    verb: string;
    path: string;
    extra: Record<string, string>;
    missing: string;
  } & WayIn
): JSX.Element {
  const backend = useBackend();
  const [username, setUsername] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const making = useAction();
  const fault = making.error === undefined ? '' : asProblem(making.error).path;
  if (props.missing !== '') {
    return (
      <Frame title={props.title}>
        <p>{props.missing}</p>
        <ToSignIn>Somebody has set it up already?</ToSignIn>
      </Frame>
    );
  }
  return (
    <Frame title={props.title}>
      {props.intro && <p className="etiq-quiet">{props.intro}</p>}
      <form
        onSubmit={event => {
          event.preventDefault();
          making.run(async () => {
            const body = { ...props.extra, username, email, password };
            props.onSignedIn(await backend.send<Me>('POST', props.path, body));
          });
        }}
      >
        <Field
          label="Username"
          autoComplete="username"
          autoFocus
          value={username}
          invalid={fault.endsWith('username')}
          onChange={setUsername}
        />
        <Field
          label="Email (optional)"
          type="email"
          autoComplete="email"
          required={false}
          value={email}
          invalid={fault.endsWith('email')}
          onChange={setEmail}
        />
        <Field
          label="Password"
          type="password"
          autoComplete="new-password"
          hint="At least 8 characters; a few words are best."
          value={password}
          invalid={fault.endsWith('password')}
          onChange={setPassword}
        />
        {making.error !== undefined && <ErrorNotice error={making.error} />}
        <button type="submit" className="etiq-button etiq-button-primary" disabled={making.running}>
          {props.verb}
        </button>
      </form>
      <ToSignIn>You have an account?</ToSignIn>
    </Frame>
  );
}

function ToSignIn({ children }: { children: string }): JSX.Element {
  return (
    <p className="etiq-quiet">
      {children}{' '}
      <a className="etiq-link" href="/sign-in">
        Sign in
      </a>
    </p>
  );
}
