import { Component, type ReactNode } from 'react';

import { ErrorNotice } from './notices';

/** Captured content may have any form: what cannot be shown must not take the page with it. */
export class Boundary extends Component<
  { what: string; children: ReactNode },
  { error: unknown; failed: boolean }
> {
  override state = { error: undefined as unknown, failed: false };

  static getDerivedStateFromError(error: unknown): { error: unknown; failed: boolean } {
    return { error, failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? (
      <ErrorNotice
        error={new Error(`${this.props.what} cannot be shown: ${String(this.state.error)}`)}
        onRetry={() => this.setState({ error: undefined, failed: false })}
      />
    ) : (
      this.props.children
    );
  }
}
