import { useMemo, useState } from 'react';

import { overwrite, parseAnsi } from './ansi';
import { count } from './format';
import { JsonTree } from './JsonTree';
import { Picture, pictureSource } from './Picture';
import { plainTable, StaticTable } from './StaticTable';
import { SandboxFrame } from './SandboxFrame';

/** An output in nbformat form; written by others, so every field is checked. */
interface Output {
  output_type?: unknown;
  name?: unknown;
  text?: unknown;
  data?: unknown;
  ename?: unknown;
  evalue?: unknown;
  traceback?: unknown;
}

/** A cell's outputs in order; nothing in them can run. */
export function OutputsView(props: { outputs: unknown }): JSX.Element {
  const outputs = Array.isArray(props.outputs) ? (props.outputs as unknown[]) : [];
  const shown = outputs.filter(output => typeof output === 'object' && output !== null) as Output[];
  if (shown.length === 0) {
    return <p className="etiq-quiet">The cell printed and displayed nothing.</p>;
  }
  return (
    <div className="etiq-outputs">
      {shown.map((output, index) => (
        <OneOutput key={index} output={output} number={index + 1} />
      ))}
    </div>
  );
}

function OneOutput({ output, number }: { output: Output; number: number }): JSX.Element {
  if (output.output_type === 'stream') {
    return <TerminalText text={joined(output.text)} error={output.name === 'stderr'} />;
  }
  if (output.output_type === 'error') {
    const traceback = Array.isArray(output.traceback) ? output.traceback.map(String) : [];
    const text =
      traceback.length > 0
        ? traceback.join('\n')
        : `${joined(output.ename)}: ${joined(output.evalue)}`;
    return <TerminalText text={text} error />;
  }
  const data = output.data;
  if (typeof data !== 'object' || data === null) {
    return <p className="etiq-quiet">Output {number} is of a kind that cannot be shown.</p>;
  }
  return <MimeBundle bundle={data as Record<string, unknown>} title={`Output ${number}`} />;
}

/** nbformat allows a text to be a list of lines. */
function joined(text: unknown): string {
  return Array.isArray(text) ? text.map(String).join('') : typeof text === 'string' ? text : '';
}

const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/svg+xml'];

/** The richest form of a display that is safe to show; the others stay a click away. */
export function MimeBundle(props: { bundle: Record<string, unknown>; title: string }): JSX.Element {
  const { bundle, title } = props;
  const table = useMemo(() => plainTable(joined(bundle['text/html'])), [bundle]);
  const picture = PICTURES.find(mime => pictureSource(mime, bundle[mime]) !== null);
  if (picture !== undefined) {
    return <Picture mime={picture} data={bundle[picture]} name={title} />;
  }
  const document = Object.keys(bundle).find(mime => /^application\/(.+\+)?json$/.test(mime));
  if (table !== null) {
    return <StaticTable table={table} name={title} />;
  }
  if (document !== undefined && !isWidget(document)) {
    return (
      <div>
        <p className="etiq-quiet">{documentName(document)}, shown as its data</p>
        <JsonTree value={bundle[document]} name={title} />
      </div>
    );
  }
  if (joined(bundle['text/html']) !== '') {
    return <SandboxFrame html={joined(bundle['text/html'])} title={title} />;
  }
  const text = ['text/markdown', 'text/latex', 'text/plain'].find(
    mime => joined(bundle[mime]) !== ''
  );
  return text === undefined ? (
    <p className="etiq-quiet">
      {title} has no form that can be shown here ({Object.keys(bundle).join(', ') || 'empty'}).
    </p>
  ) : (
    <TerminalText text={joined(bundle[text])} />
  );
}

function isWidget(mime: string): boolean {
  return mime.includes('widget-view');
}

function documentName(mime: string): string {
  if (mime.includes('vegalite') || mime.includes('vega')) {
    return 'A Vega figure';
  }
  return mime.includes('plotly') ? 'A Plotly figure' : 'A document';
}

const LONG = 40;

/** Printed text as a terminal shows it; long texts are folded. */
export function TerminalText(props: { text: string; error?: boolean }): JSX.Element {
  const [whole, setWhole] = useState(false);
  const text = useMemo(() => overwrite(props.text).replace(/\n$/, ''), [props.text]);
  const lines = useMemo(() => text.split('\n'), [text]);
  const folded = !whole && lines.length > LONG + 10;
  const spans = useMemo(
    () => parseAnsi(folded ? lines.slice(0, LONG).join('\n') : text),
    [folded, lines, text]
  );
  return (
    <div className={props.error ? 'etiq-terminal etiq-terminal-error' : 'etiq-terminal'}>
      <pre tabIndex={0} aria-label={props.error ? 'Error output' : 'Text output'}>
        {spans.map((span, index) => (
          <span
            key={index}
            className={
              [
                span.colour === undefined ? '' : `etiq-ansi-${span.colour}`,
                span.bold ? 'etiq-bold' : ''
              ]
                .join(' ')
                .trim() || undefined
            }
          >
            {span.text}
          </span>
        ))}
      </pre>
      {folded && (
        <button type="button" className="etiq-link" onClick={() => setWhole(true)}>
          Show all {count(lines.length, 'line')}
        </button>
      )}
    </div>
  );
}
