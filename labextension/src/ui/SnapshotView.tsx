import { useEffect, useMemo, useRef, useState } from 'react';

import { path, type Preview, type SnapshotDetail } from '../api';
import { Boundary } from './Boundary';
import { useBackend, useEvents } from './context';
import { Section } from './controls';
import { EnvironmentFacts, environmentWords } from './EnvironmentFacts';
import { bytes, count } from './format';
import { ItemPreview, previewPath, PreviewBody } from './ItemPreview';
import { LineageStrip } from './LineageStrip';
import { MetricsTable } from './MetricsTable';
import { snapshotId } from './naming';
import { ErrorNotice, Loading } from './notices';
import { TerminalText } from './OutputsView';
import type { SnapshotViewProps } from './props';
import { useResource } from './resource';
import { SnapshotHead } from './SnapshotHead';
import { SourceView } from './SourceView';
import { VariablesTable } from './VariablesTable';

/** One snapshot: what the cell was, did, made and read. */
export function SnapshotView(props: SnapshotViewProps): JSX.Element {
  const snapshot = useResource<SnapshotDetail>(path('snapshots', props.snapshot));
  const { reload } = snapshot;
  const id = snapshot.data?.id;
  const onLoaded = useRef(props.onLoaded);
  onLoaded.current = props.onLoaded;
  useEffect(() => {
    if (snapshot.data !== undefined) {
      onLoaded.current?.(snapshot.data);
    }
  }, [snapshot.data]);
  useEvents(event => {
    const mayBeIt = event.id === undefined || event.id === id;
    if (event.kind === 'reconnected' || (event.kind === 'snapshot' && mayBeIt)) {
      reload();
    }
  });
  if (snapshot.error !== undefined) {
    return <ErrorNotice error={snapshot.error} onRetry={reload} />;
  }
  if (snapshot.data === undefined) {
    return <Loading what="the snapshot" />;
  }
  return (
    <article className={props.narrow ? 'etiq-snapshot etiq-narrow' : 'etiq-snapshot'}>
      <SnapshotHead {...props} snapshot={snapshot.data} onChanged={reload} />
      <Body key={snapshot.data.id} snapshot={snapshot.data} narrow={props.narrow} />
    </article>
  );
}

function Body(props: { snapshot: SnapshotDetail; narrow?: boolean }): JSX.Element {
  const { snapshot, narrow } = props;
  const parents = useParents(snapshot);
  const figures = snapshot.items.filter(item => item.role === 'figure');
  const environment = snapshot.items.find(item => item.role === 'environment');
  const made = snapshot.items.filter(item => item.role === 'variable').length;
  const { previous } = snapshot;
  const since = previous === null ? '' : snapshotId(previous);
  return (
    <>
      {snapshot.error && (
        <Section title="Error" facts={`${snapshot.error.name}: ${snapshot.error.message}`}>
          <TerminalText text={snapshot.error.traceback.join('\n')} error />
        </Section>
      )}
      {Object.keys(snapshot.metrics).length > 0 && (
        <Section title="Metrics" facts={since && `changes since ${since}`}>
          <MetricsTable snapshot={snapshot} />
        </Section>
      )}
      <Section title="Source" facts={<SourceFacts snapshot={snapshot} />}>
        <SourceView
          source={snapshot.source}
          previous={snapshot.previous_source}
          previousName={since}
        />
      </Section>
      <Section title="Outputs">
        <Boundary what="This output">
          <Outputs snapshot={snapshot} />
          {figures.map(item => (
            <figure key={item.name} className="etiq-figure">
              <ItemPreview snapshot={snapshot.id} item={item} />
              <figcaption className="etiq-quiet">
                {item.name} {item.summary}
              </figcaption>
            </figure>
          ))}
        </Boundary>
      </Section>
      <Section
        title="Variables"
        facts={`${count(made, 'variable')}, ${bytes(snapshot.size)}${snapshot.new_bytes < snapshot.size ? `, ${bytes(snapshot.new_bytes)} new` : ''}`}
      >
        <Boundary what="A variable">
          <VariablesTable snapshot={snapshot} parents={parents} narrow={narrow} />
        </Boundary>
      </Section>
      <Section title="Lineage">
        <LineageStrip snapshot={snapshot} />
      </Section>
      {environment && (
        <Section title="Environment" facts={environmentWords(environment)} folded>
          <Boundary what="The environment">
            <EnvironmentFacts snapshot={snapshot} item={environment} />
          </Boundary>
        </Section>
      )}
      {snapshot.redactions.length > 0 && (
        <Section title="Taken out" facts={redactionWords(snapshot)} />
      )}
    </>
  );
}

function SourceFacts({ snapshot }: { snapshot: SnapshotDetail }): JSX.Element | null {
  if (snapshot.previous === null || snapshot.previous_source === null) {
    return null;
  }
  const name = snapshotId(snapshot.previous);
  return (
    <>
      {snapshot.previous_source === snapshot.source
        ? `the same as in ${name}`
        : `changed lines since ${name} are marked`}
    </>
  );
}

function redactionWords(snapshot: SnapshotDetail): string {
  return snapshot.redactions
    .map(({ kind, count: n, where }) => `${count(n)} × ${kind}${where ? ` (${where})` : ''}`)
    .join(', ');
}

/** The cell's outputs, if it had any. */
function Outputs({ snapshot }: { snapshot: SnapshotDetail }): JSX.Element | null {
  const item = snapshot.items.find(each => each.role === 'outputs');
  const preview = useResource<Preview>(
    item === undefined ? null : previewPath(snapshot.id, item.name)
  );
  if (item === undefined) {
    const figures = snapshot.items.some(each => each.role === 'figure');
    return figures ? null : <p className="etiq-quiet">The cell printed and displayed nothing.</p>;
  }
  if (preview.error !== undefined) {
    return <ErrorNotice error={preview.error} onRetry={preview.reload} />;
  }
  return preview.data === undefined ? (
    <Loading what="outputs" />
  ) : (
    <PreviewBody preview={preview.data} item={item} />
  );
}

/** The parents whole, which tell type and size of what the cell read. Their failures are theirs. */
function useParents(snapshot: SnapshotDetail): ReadonlyMap<string, SnapshotDetail> {
  const backend = useBackend();
  const [loaded, setLoaded] = useState<ReadonlyMap<string, SnapshotDetail>>(new Map());
  const ids = useMemo(() => snapshot.parents.map(link => link.id).join(' '), [snapshot.parents]);
  useEffect(() => {
    const stop = new AbortController();
    const wanted = ids === '' ? [] : ids.split(' ');
    void Promise.allSettled(
      wanted.map(id => backend.get<SnapshotDetail>(path('snapshots', id), undefined, stop.signal))
    ).then(results => {
      if (!stop.signal.aborted) {
        const found = results.flatMap(result =>
          result.status === 'fulfilled' ? [[result.value.id, result.value] as const] : []
        );
        setLoaded(new Map(found));
      }
    });
    return () => stop.abort();
  }, [backend, ids]);
  return loaded;
}
