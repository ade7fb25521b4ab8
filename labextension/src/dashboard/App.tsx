import { useCallback, useEffect, useMemo, useState } from 'react';

import { asProblem, type Me } from '../api';
import { ErrorNotice, forgetAnswers, Loading, UiProvider, type Navigation } from '../ui';
import { ComparePage } from './ComparePage';
import { DevicePage } from './DevicePage';
import { HttpBackend } from './http';
import { MissingPage } from './MissingPage';
import { ProjectPage } from './ProjectPage';
import { ProjectsPage } from './ProjectsPage';
import { Rail } from './Rail';
import { address, go, parse, useAddress, type Route } from './router';
import { SearchPage } from './SearchPage';
import { Register, Setup, SignIn } from './SignIn';
import { SnapshotPage } from './SnapshotPage';
import { TokensPage } from './TokensPage';

const navigation: Navigation = { open: target => go(address(target)), href: address };

type Session =
  | { state: 'asking' }
  | { state: 'out' }
  | { state: 'in'; me: Me }
  | { state: 'failed'; error: unknown };

/** Who is there decides what is shown: the way in, or the pages. */
export function App(): JSX.Element {
  const [session, setSession] = useState<Session>({ state: 'asking' });
  const backend = useMemo(() => new HttpBackend(() => setSession({ state: 'out' })), []);

  const ask = useCallback(() => {
    setSession({ state: 'asking' });
    backend.get<Me>('/me').then(
      me => setSession({ state: 'in', me }),
      (error: unknown) =>
        setSession(asProblem(error).status === 401 ? { state: 'out' } : { state: 'failed', error })
    );
  }, [backend]);
  useEffect(ask, [ask]);
  const isIn = session.state === 'in';
  // One stream of events for all pages: nothing is missed on the way from one to the next.
  useEffect(() => (isIn ? backend.events(() => undefined) : undefined), [backend, isIn]);

  const signedIn = (me: Me): void => {
    forgetAnswers(backend);
    setSession({ state: 'in', me });
  };
  const signOut = async (): Promise<void> => {
    await backend.send('POST', '/sign-out');
    forgetAnswers(backend);
    setSession({ state: 'out' });
    go('/sign-in');
  };

  return (
    <UiProvider backend={backend} navigation={navigation}>
      <div className="etiq app">
        <Pages session={session} onRetry={ask} onSignedIn={signedIn} onSignOut={signOut} />
      </div>
    </UiProvider>
  );
}

function Pages(props: {
  session: Session;
  onRetry(): void;
  onSignedIn(me: Me): void;
  onSignOut(): Promise<void>;
}): JSX.Element {
  const { session } = props;
  const url = useAddress();
  const route = parse(url.pathname);
  const enter = (me: Me): void => {
    props.onSignedIn(me);
    // Whoever asked for another page signed in there, and stays.
    if (['sign-in', 'setup', 'register'].includes(route.page)) {
      go('/', 'replace');
    }
  };

  if (route.page === 'setup') {
    return <Setup onSignedIn={enter} />;
  }
  if (session.state === 'asking') {
    return <Loading what="the dashboard" />;
  }
  if (session.state === 'failed') {
    return (
      <main className="way-in">
        <ErrorNotice error={session.error} onRetry={props.onRetry} />
      </main>
    );
  }
  if (session.state === 'out') {
    return route.page === 'register' ? (
      <Register onSignedIn={enter} />
    ) : (
      <SignIn onSignedIn={enter} />
    );
  }
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <Rail me={session.me} route={route} onSignOut={props.onSignOut} />
      <Inside key={url.pathname} route={route} me={session.me} />
    </>
  );
}

function Inside({ route, me }: { route: Route; me: Me }): JSX.Element {
  switch (route.page) {
    case 'projects':
      return <ProjectsPage />;
    case 'project':
      return <ProjectPage project={route.project} tab={route.tab} me={me} />;
    case 'snapshot':
      return <SnapshotPage snapshot={route.snapshot} />;
    case 'compare':
      return <ComparePage a={route.a} b={route.b} />;
    case 'tokens':
      return <TokensPage />;
    case 'search':
      return <SearchPage />;
    case 'device':
      return <DevicePage me={me} />;
    case 'sign-in':
    case 'register':
      return <Redirect to="/" />;
    default:
      return <MissingPage />;
  }
}

function Redirect({ to }: { to: string }): null {
  useEffect(() => go(to, 'replace'), [to]);
  return null;
}
