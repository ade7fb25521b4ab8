import { useMemo, useState } from 'react';

/**
 * Nothing may be loaded, run, submitted or embedded. Pictures only where the document carries them;
 * style only its own.
 */
const POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; media-src data:; " +
  "form-action 'none'; base-uri 'none'";

const STYLE =
  'html{color-scheme:light}body{margin:8px;background:#fff;color:#1f2328;' +
  'font:13px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}' +
  'table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:2px 8px}';

/** The document that a frame shows: policy first, so that it holds for everything after it. */
export function sandboxed(html: string): string {
  return (
    `<!doctype html><meta http-equiv="Content-Security-Policy" content="${POLICY}">` +
    `<meta charset="utf-8"><meta name="referrer" content="no-referrer"><style>${STYLE}</style>${html}`
  );
}

/** About how high a document will be: the frame is sealed, so nobody can measure it. */
export function guessHeight(html: string): number {
  // Styles, scripts and what a closed <details> folds away take no room.
  const shown = html
    .replace(/<(style|script|template)\b[\s\S]*?<\/\1\s*>/gi, '')
    .replace(/<\/summary>[\s\S]*?<\/details\s*>/gi, '');
  const blocks = shown.match(/<(tr|p|li|br|h[1-6]|pre|summary|label|img|svg)\b/gi)?.length ?? 0;
  const lines = shown
    .replace(/<[^>]*>/g, '')
    .split('\n')
    .filter(line => line.trim() !== '').length;
  return Math.min(480, Math.max(80, 40 + Math.max(blocks, lines) * 20));
}

/** HTML that others captured, sealed: no scripts, no network, no access to the page around it. */
export function SandboxFrame(props: { html: string; title: string }): JSX.Element {
  const document = useMemo(() => sandboxed(props.html), [props.html]);
  const [large, setLarge] = useState(false);
  return (
    <div className="etiq-sandbox">
      <iframe
        sandbox=""
        srcDoc={document}
        title={props.title}
        referrerPolicy="no-referrer"
        loading="lazy"
        style={{ height: large ? '80vh' : guessHeight(props.html) }}
      />
      <button type="button" className="etiq-link" onClick={() => setLarge(!large)}>
        {large ? 'Smaller' : 'Larger'}
      </button>
    </div>
  );
}
