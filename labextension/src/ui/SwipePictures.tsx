import { useState } from 'react';

import { MimeBundle } from './OutputsView';
import { Picture, pictureSource } from './Picture';

interface Side {
  label: string;
  /** Form, mime and data, as the comparison carries them. */
  preview: unknown;
}

/** Two pictures: side by side, or one over the other with a slider. */
export function SwipePictures(props: { name: string; a: Side; b: Side }): JSX.Element {
  const { a, b, name } = props;
  const first = pictureOf(a.preview);
  const second = pictureOf(b.preview);
  const [mode, setMode] = useState<'sides' | 'swipe'>('sides');
  const [at, setAt] = useState(50);
  const canSwipe = first !== null && second !== null;
  return (
    <div>
      {canSwipe && (
        <div className="etiq-segments" role="group" aria-label="How to compare the pictures">
          <button type="button" aria-pressed={mode === 'sides'} onClick={() => setMode('sides')}>
            Side by side
          </button>
          <button type="button" aria-pressed={mode === 'swipe'} onClick={() => setMode('swipe')}>
            Swipe
          </button>
        </div>
      )}
      {mode === 'swipe' && canSwipe ? (
        <div className="etiq-swipe">
          <div className="etiq-swipe-stage">
            <img src={first} alt={`${name} in ${a.label}`} />
            <img
              src={second}
              alt={`${name} in ${b.label}`}
              style={{ clipPath: `inset(0 0 0 ${at}%)` }}
            />
            <span className="etiq-swipe-line" style={{ left: `${at}%` }} aria-hidden="true" />
          </div>
          <label>
            {a.label}
            <input
              type="range"
              min={0}
              max={100}
              value={at}
              aria-label={`Share of ${a.label} shown`}
              onChange={event => setAt(Number(event.target.value))}
            />
            {b.label}
          </label>
        </div>
      ) : (
        <div className="etiq-sides">
          {[a, b].map(side => (
            <figure key={side.label}>
              <figcaption>{side.label}</figcaption>
              <OnePicture name={`${name} in ${side.label}`} preview={side.preview} />
            </figure>
          ))}
        </div>
      )}
    </div>
  );
}

function fields(preview: unknown): Record<string, unknown> {
  return typeof preview === 'object' && preview !== null
    ? (preview as Record<string, unknown>)
    : {};
}

function pictureOf(preview: unknown): string | null {
  const { form, mime, data } = fields(preview);
  return form === 'picture' && typeof mime === 'string' ? pictureSource(mime, data) : null;
}

function OnePicture(props: { name: string; preview: unknown }): JSX.Element {
  const { form, mime, data, reason } = fields(props.preview);
  if (form === 'picture' && typeof mime === 'string') {
    return <Picture mime={mime} data={data} name={props.name} />;
  }
  return form === 'mime' && typeof mime === 'string' ? (
    <MimeBundle bundle={{ [mime]: data }} title={props.name} />
  ) : (
    <p className="etiq-quiet">{typeof reason === 'string' && reason ? reason : 'No picture.'}</p>
  );
}
