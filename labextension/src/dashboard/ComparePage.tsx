import { CompareView } from '../ui';
import { Page } from './page';

export function ComparePage({ a, b }: { a: string; b: string }): JSX.Element {
  return (
    <Page title={`${a} and ${b}`} heading={null}>
      <CompareView a={a} b={b} />
    </Page>
  );
}
