import { useMemo, useState } from 'react';

const BITMAPS = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/bmp']);

/**
 * The address of a picture that is carried as data, or null if it is none. An `<img>` never runs
 * scripts nor loads anything, also not an SVG's.
 */
export function pictureSource(mime: string, data: unknown): string | null {
  const text = Array.isArray(data) ? data.map(String).join('') : data;
  if (typeof text !== 'string' || text === '') {
    return null;
  }
  if (mime === 'image/svg+xml') {
    const isBase64 = !text.trimStart().startsWith('<');
    return isBase64
      ? `data:image/svg+xml;base64,${text.replace(/\s/g, '')}`
      : `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  }
  return BITMAPS.has(mime) ? `data:${mime};base64,${text.replace(/\s/g, '')}` : null;
}

/** A captured picture; a click shows it in its own size. */
export function Picture(props: { mime: string; data: unknown; name: string }): JSX.Element {
  const source = useMemo(() => pictureSource(props.mime, props.data), [props.mime, props.data]);
  const [broken, setBroken] = useState(false);
  const [whole, setWhole] = useState(false);
  if (source === null || broken) {
    return <p className="etiq-quiet">{props.name}: this picture cannot be shown.</p>;
  }
  return (
    <button
      type="button"
      className={whole ? 'etiq-picture etiq-picture-whole' : 'etiq-picture'}
      aria-pressed={whole}
      title={whole ? 'Fit to the width' : 'Show in its own size'}
      onClick={() => setWhole(!whole)}
    >
      <img src={source} alt={props.name} onError={() => setBroken(true)} />
    </button>
  );
}
