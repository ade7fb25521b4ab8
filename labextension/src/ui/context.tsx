import { createContext, useContext, useEffect, useRef, type ReactNode } from 'react';

import type { Backend, BackendEvent } from '../api';
import type { Navigation, Target } from './props';

const BackendContext = createContext<Backend | null>(null);
const NavigationContext = createContext<Navigation>({ open: () => undefined });

/** What every component of this folder needs around it: whom to ask, and how to go places. */
export function UiProvider(props: {
  backend: Backend;
  navigation: Navigation;
  children: ReactNode;
}): JSX.Element {
  return (
    <BackendContext.Provider value={props.backend}>
      <NavigationContext.Provider value={props.navigation}>
        {props.children}
      </NavigationContext.Provider>
    </BackendContext.Provider>
  );
}

export function useBackend(): Backend {
  const backend = useContext(BackendContext);
  if (backend === null) {
    throw new Error('Components of etiq need <UiProvider> around them');
  }
  return backend;
}

export function useNavigation(): Navigation {
  return useContext(NavigationContext);
}

/** Call the listener on every event of the backend while the component is shown. */
export function useEvents(listener: (event: BackendEvent) => void): void {
  const backend = useBackend();
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => backend.events?.(event => latest.current(event)), [backend]);
}

/** A way to a place: a real link where places have addresses, else a button that looks like one. */
export function PlaceLink(props: {
  to: Target;
  children: ReactNode;
  className?: string;
  title?: string;
}): JSX.Element {
  const navigation = useNavigation();
  const address = navigation.href?.(props.to) ?? null;
  const className = `etiq-link ${props.className ?? ''}`.trim();
  if (address === null) {
    return (
      <button
        type="button"
        className={className}
        title={props.title}
        onClick={() => navigation.open(props.to)}
      >
        {props.children}
      </button>
    );
  }
  return (
    <a
      href={address}
      className={className}
      title={props.title}
      onClick={event => {
        const plain =
          event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
        if (plain) {
          event.preventDefault();
          navigation.open(props.to);
        }
      }}
    >
      {props.children}
    </a>
  );
}
