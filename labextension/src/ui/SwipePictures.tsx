import { useState } from 'react';

import type { Item, Preview } from '../api';
import { ItemPreview, previewPath } from './ItemPreview';
import { pictureSource } from './Picture';
import { useResource } from './resource';

interface Side {
  snapshot: string;
  label: string;
}

/** Two pictures: side by side, or one over the other with a slider. */
export function SwipePictures(props: {
  name: string;
  a: Side;
  b: Side;
  itemA: Item | null;
  itemB: Item | null;
}): JSX.Element {
  const { a, b, itemA, itemB, name } = props;
  const first = usePicture(a.snapshot, itemA);
  const second = usePicture(b.snapshot, itemB);
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
          {itemA && (
            <figure>
              <figcaption>{a.label}</figcaption>
              <ItemPreview snapshot={a.snapshot} item={itemA} />
            </figure>
          )}
          {itemB && (
            <figure>
              <figcaption>{b.label}</figcaption>
              <ItemPreview snapshot={b.snapshot} item={itemB} />
            </figure>
          )}
        </div>
      )}
    </div>
  );
}

function usePicture(snapshot: string, item: Item | null): string | null {
  const preview = useResource<Preview>(
    item === null || item.reason !== '' ? null : previewPath(snapshot, item.name)
  );
  return preview.data?.form === 'picture'
    ? pictureSource(preview.data.mime, preview.data.data)
    : null;
}
