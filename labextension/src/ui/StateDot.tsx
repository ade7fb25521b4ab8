import type { State, Status } from '../api';

type Look = 'ok' | 'busy' | 'warn' | 'bad' | 'idle';

const LOOKS: Record<State | Status['state'] | 'failed', [Look, string, string]> = {
  captured: ['busy', 'Captured', 'In memory; not on a disk yet'],
  stored: ['idle', 'Kept here', 'Safe on this disk; not on the dashboard'],
  synced: ['ok', 'Synced', 'On the dashboard, every byte verified'],
  paused: ['warn', 'Paused', 'Safe on this disk; sending is paused'],
  parked: ['bad', 'Parked', 'The dashboard refused it; kept here with the reason'],
  local: ['idle', 'Local', 'Not logged in: snapshots are kept on this disk'],
  connecting: ['busy', 'Connecting', 'Asking the dashboard'],
  connected: ['ok', 'Connected', 'Logged in to the dashboard'],
  sending: ['busy', 'Sending', 'Snapshots are on their way'],
  expired: ['warn', 'Expired', 'The access token is no longer accepted'],
  problem: ['bad', 'Problem', 'Something needs your attention'],
  failed: ['bad', 'Failed', 'The cell ended with an error']
};

/** Each look has a shape of its own, so that colour is never the only sign. */
const SHAPES: Record<Look, JSX.Element> = {
  ok: <circle cx="6" cy="6" r="4.5" fill="currentColor" />,
  busy: <path d="M6 1.5a4.5 4.5 0 1 1-4.5 4.5" fill="none" stroke="currentColor" strokeWidth="2" />,
  warn: <path d="M6 1.2 11.2 10.6H.8Z" fill="currentColor" />,
  bad: <path d="M2.5 2.5l7 7m0-7l-7 7" stroke="currentColor" strokeWidth="2.2" fill="none" />,
  idle: <circle cx="6" cy="6" r="3.8" fill="none" stroke="currentColor" strokeWidth="1.6" />
};

/** A state as shape, colour and word; `quiet` leaves the word to hover and screen readers. */
export function StateDot(props: {
  state: keyof typeof LOOKS;
  /** Instead of the state's own word, for example "Sending 3 of 7". */
  word?: string;
  quiet?: boolean;
}): JSX.Element {
  const [look, word, meaning] = LOOKS[props.state];
  const text = props.word ?? word;
  return (
    <span className={`etiq-state etiq-state-${look}`} title={`${text}: ${meaning}`}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        {SHAPES[look]}
      </svg>
      <span className={props.quiet ? 'etiq-unseen' : undefined}>{text}</span>
    </span>
  );
}
