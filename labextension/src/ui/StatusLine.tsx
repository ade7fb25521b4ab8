import type { Status } from '../api';
import { Menu } from './controls';
import { bytes, count } from './format';
import type { StatusLineProps } from './props';
import { RelativeTime } from './RelativeTime';
import { StateDot } from './StateDot';
import { sentence } from './notices';

/** The session in three lines: state, who and where, what is unsent. */
export function StatusLine({ status, onSendNow, menu, children }: StatusLineProps): JSX.Element {
  const { sync } = status;
  return (
    <div className="etiq-status">
      <div className="etiq-status-head">
        <StateDot state={status.state} word={stateWord(status)} />
        {menu && menu.length > 0 && (
          <Menu
            label="⋯"
            name="More actions"
            entries={menu}
            className="etiq-button etiq-button-small"
          />
        )}
      </div>
      {status.user && (
        <div className="etiq-status-who" title={status.dashboard}>
          {status.user} @ {host(status.dashboard)}
        </div>
      )}
      {children}
      {status.message && !saysTheSame(sync.paused, status.message) && (
        <div className="etiq-status-message">{sentence(status.message)}</div>
      )}
      <div className="etiq-status-sync">
        <Unsent status={status} />
        {onSendNow && sync.pending > 0 && status.state !== 'local' && (
          <button type="button" className="etiq-button etiq-button-small" onClick={onSendNow}>
            Send now
          </button>
        )}
      </div>
      {sync.parked > 0 && (
        <div className="etiq-status-parked">
          <StateDot state="parked" quiet /> {count(sync.parked, 'snapshot')} refused by the
          dashboard, kept here
        </div>
      )}
    </div>
  );
}

/** Milliseconds: that something waits since a moment ago says nothing. */
const WORTH_SAYING = 60_000;

function Unsent({ status }: { status: Status }): JSX.Element {
  const { sync } = status;
  if (status.state === 'local') {
    return (
      <span>
        {sync.local > 0
          ? `${count(sync.local, 'snapshot')} kept on this disk. Safe to close.`
          : 'Snapshots are kept on this disk.'}
      </span>
    );
  }
  if (sync.pending === 0) {
    // What the dashboard refused has a line of its own.
    const rest = sync.parked > 0 ? 'Nothing else waits.' : 'Finishing.';
    return <span>{sync.safe_to_close ? 'All sent. Safe to close.' : rest}</span>;
  }
  return (
    <span>
      {count(sync.pending)} waiting, {bytes(sync.pending_bytes)}
      {sync.oldest && Date.now() - Date.parse(sync.oldest) >= WORTH_SAYING && (
        <>
          , oldest <RelativeTime time={sync.oldest} />
        </>
      )}
      .{sync.paused && <span className="etiq-status-paused"> {sentence(sync.paused)}</span>}
    </span>
  );
}

/** Whether the reason of a pause begins with the message, which it then makes superfluous. */
function saysTheSame(paused: string, message: string): boolean {
  return paused.toLowerCase().startsWith(message.replace(/\.$/, '').toLowerCase());
}

/** "Sending 3 of 7" while that is so; else the state's own word. */
export function stateWord(status: Status): string | undefined {
  const { sync } = status;
  return status.state === 'sending' && sync.pending > 0
    ? `Sending ${count(sync.sent + 1)} of ${count(sync.sent + sync.pending)}`
    : undefined;
}

function host(url: string): string {
  try {
    return new URL(url).host || url;
  } catch {
    return url;
  }
}
