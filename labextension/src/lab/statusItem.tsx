import { ReactWidget } from '@jupyterlab/ui-components';

import type { Status } from '../api';
import { bytes, count } from '../ui/format';
import { StateDot } from '../ui/StateDot';
import { stateWord } from '../ui/StatusLine';
import { useSignal } from './hooks';
import type { IEtiqSessions } from './tokens';

export interface IStatusItemProps {
  sessions: IEtiqSessions;
  onClick(): void;
}

/** The state of the session at hand in one word; a click shows the sidebar. */
export function StatusItem({ sessions, onClick }: IStatusItemProps): JSX.Element | null {
  useSignal(sessions.changed);
  const status = statusOf(sessions);
  if (status === null) {
    return null;
  }
  return (
    <button type="button" className="etiq-lab-statusitem" title={wordsOf(status)} onClick={onClick}>
      <StateDot state={status.state} word={stateWord(status)} />
    </button>
  );
}

export class StatusItemWidget extends ReactWidget {
  constructor(props: IStatusItemProps) {
    super();
    this._props = props;
    this.addClass('etiq');
  }

  protected render(): JSX.Element {
    return <StatusItem {...this._props} />;
  }

  private readonly _props: IStatusItemProps;
}

export function statusOf({ place }: IEtiqSessions): Status | null {
  return place.kind === 'session' ? place.session.status : null;
}

/** The session in a sentence, for the tooltip. */
function wordsOf({ user, dashboard, project_name: project, sync, state }: Status): string {
  const who = user === '' ? 'Local: snapshots are kept on this disk' : `${user} @ ${dashboard}`;
  const where = project === '' ? 'no project chosen' : `project ${project}`;
  const unsent =
    sync.pending > 0
      ? `${count(sync.pending)} waiting, ${bytes(sync.pending_bytes)}`
      : state === 'local'
        ? `${count(sync.local, 'snapshot')} here`
        : 'all sent, safe to close';
  return `etiq: ${who}; ${where}; ${unsent}`;
}
