import { useSyncExternalStore } from 'react';
import type { ISignal } from '@lumino/signaling';
import { useCallback, useRef } from 'react';

/** Render again whenever a signal is emitted. */
export function useSignal(signal: ISignal<unknown, unknown>): void {
  const version = useRef(0);
  const subscribe = useCallback(
    (onChange: () => void) => {
      const slot = (): void => {
        version.current += 1;
        onChange();
      };
      signal.connect(slot);
      return () => {
        signal.disconnect(slot);
      };
    },
    [signal]
  );
  useSyncExternalStore(subscribe, () => version.current);
}
