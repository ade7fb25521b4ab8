import { useSyncExternalStore } from 'react';

import { ago, exactTime, until } from './format';

/** One clock for all shown times; it ticks only while one is shown. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    listeners.forEach(each => each());
  }, 10_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

export function useNow(): Date {
  if (listeners.size === 0) {
    now = Date.now();
  }
  return new Date(useSyncExternalStore(subscribe, () => now));
}

/** How long ago (or until), with the exact time on hover and for screen readers. */
export function RelativeTime(props: {
  time: string | null | undefined;
  /** Shown when there is no time. */
  none?: string;
  future?: boolean;
  /** Say "2 min ago" in running text; lists leave the word out. */
  sentence?: boolean;
}): JSX.Element {
  const current = useNow();
  if (!props.time) {
    return <span className="etiq-quiet">{props.none ?? 'never'}</span>;
  }
  const time = new Date(props.time);
  const short = props.future ? until(time, current) : ago(time, current);
  const words = props.sentence && /^\d+ [a-z]+$/.test(short) ? `${short} ago` : short;
  return (
    <time dateTime={props.time} title={exactTime(time)} className="etiq-time">
      {words}
    </time>
  );
}
