import { useEffect, useRef, useSyncExternalStore, type ReactNode } from 'react';

const NARROW = '(max-width: 560px)';

function onNarrow(listener: () => void): () => void {
  const media = matchMedia(NARROW);
  media.addEventListener('change', listener);
  return () => media.removeEventListener('change', listener);
}

/** Whether the window is as narrow as a phone's: components then leave out what can be spared. */
export function useNarrow(): boolean {
  return useSyncExternalStore(onNarrow, () => matchMedia(NARROW).matches);
}

/** The document's title while a page is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'Etiq' : `${title} · Etiq`;
  }, [title]);
}

/**
 * A page's frame: title, heading, content. The content gets the focus when the page is gone to, so
 * that keyboard and screen reader start there.
 */
export function Page(props: {
  title: string;
  /** Instead of the title as heading; null where the content brings its own. */
  heading?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}): JSX.Element {
  useTitle(props.title);
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    // A field that asked for the focus keeps it.
    if (
      document.activeElement === null ||
      document.activeElement === document.body ||
      !main.current?.contains(document.activeElement)
    ) {
      main.current?.focus({ preventScroll: true });
    }
    window.scrollTo(0, 0);
  }, []);
  return (
    <main ref={main} id="content" tabIndex={-1} className="page">
      {props.heading !== null && (
        <header className="page-head">
          <h1>{props.heading ?? props.title}</h1>
          {props.actions}
        </header>
      )}
      {props.children}
    </main>
  );
}
