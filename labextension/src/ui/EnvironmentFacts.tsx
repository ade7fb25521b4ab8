import { useMemo, useState } from 'react';

import { type Diff, type Item, type Preview, type SnapshotDetail } from '../api';
import { count } from './format';
import { previewPath, PreviewBody } from './ItemPreview';
import { snapshotAddress, snapshotId } from './naming';
import { ErrorNotice, Loading } from './notices';
import { TerminalText } from './OutputsView';
import { useResource } from './resource';

type Known = Record<string, unknown>;

/** One line: `Python 3.11.7, 84 packages, git 3fa2c1 dirty`. */
export function environmentWords(item: Item): string {
  return item.summary;
}

/** Python, packages, platform and git of a snapshot; packages that changed come first. */
export function EnvironmentFacts(props: { snapshot: SnapshotDetail; item: Item }): JSX.Element {
  const { snapshot, item } = props;
  const preview = useResource<Preview>(previewPath(snapshot.id, item.name));
  const before = snapshot.previous;
  const diff = useResource<Diff>(before === null ? null : '/diff', {
    a: before === null ? '' : snapshotAddress(before),
    b: snapshotAddress(snapshot)
  });
  if (preview.error !== undefined) {
    return <ErrorNotice error={preview.error} onRetry={preview.reload} />;
  }
  if (preview.data === undefined) {
    return <Loading what="the environment" />;
  }
  const data = preview.data.data;
  if (preview.data.form !== 'json' || typeof data !== 'object' || data === null) {
    return <PreviewBody preview={preview.data} item={item} />;
  }
  return (
    <>
      {before !== null && diff.data && <Changed diff={diff.data} since={snapshotId(before)} />}
      <Known known={data as Known} />
    </>
  );
}

function Changed(props: { diff: Diff; since: string }): JSX.Element {
  const changes = props.diff.environment;
  return (
    <p>
      {changes.length === 0
        ? `The same as in ${props.since}.`
        : `${count(changes.length, 'difference')} since ${props.since}: ` +
          changes.map(each => `${each.name} ${each.a ?? 'none'} → ${each.b ?? 'none'}`).join(', ')}
    </p>
  );
}

function Known({ known }: { known: Known }): JSX.Element {
  const packages = known.packages;
  const git = known.git;
  const plain = Object.entries(known).filter(
    ([, value]) => typeof value === 'string' || typeof value === 'number'
  );
  const nested = Object.entries(known).filter(
    ([name, value]) =>
      typeof value === 'object' && value !== null && name !== 'packages' && name !== 'git'
  );
  return (
    <>
      <dl className="etiq-facts">
        {plain.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{String(value)}</dd>
          </div>
        ))}
        {nested.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{words(value as object)}</dd>
          </div>
        ))}
      </dl>
      {typeof git === 'object' && git !== null && <Git git={git as Known} />}
      {typeof packages === 'object' && packages !== null && <Packages packages={packages} />}
    </>
  );
}

function words(value: object): string {
  return Object.entries(value)
    .map(
      ([name, part]) => `${name} ${typeof part === 'object' ? JSON.stringify(part) : String(part)}`
    )
    .join(', ');
}

function Git({ git }: { git: Known }): JSX.Element {
  const [shown, setShown] = useState(false);
  const diff = typeof git.diff === 'string' ? git.diff : '';
  const facts = Object.entries(git).filter(([name, value]) => name !== 'diff' && value !== null);
  return (
    <div>
      <p>
        git:{' '}
        {facts
          .map(([name, value]) =>
            typeof value === 'boolean' ? (value ? name : '') : String(value)
          )
          .filter(Boolean)
          .join(', ')}
        {diff && (
          <button
            type="button"
            className="etiq-link"
            aria-expanded={shown}
            onClick={() => setShown(!shown)}
          >
            {shown ? 'hide the diff' : 'show the diff'}
          </button>
        )}
      </p>
      {shown && <TerminalText text={diff} />}
    </div>
  );
}

function Packages({ packages }: { packages: object }): JSX.Element {
  const [filter, setFilter] = useState('');
  const all = useMemo(
    () =>
      Object.entries(packages)
        .map(([name, version]) => [name, String(version)] as const)
        .sort(([a], [b]) => a.localeCompare(b)),
    [packages]
  );
  const shown = all.filter(([name]) => name.toLowerCase().includes(filter.toLowerCase()));
  return (
    <div>
      <input
        className="etiq-input"
        type="search"
        aria-label="Filter packages"
        placeholder={`filter ${count(all.length, 'package')}`}
        value={filter}
        onChange={event => setFilter(event.target.value)}
      />
      <ul className="etiq-packages">
        {shown.map(([name, version]) => (
          <li key={name}>
            {name} <span className="etiq-quiet">{version}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
