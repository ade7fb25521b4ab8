import { CompareView } from '../ui';
import { Page, useNarrow } from './page';

export function ComparePage({ a, b }: { a: string; b: string }): JSX.Element {
  const narrow = useNarrow();
  return (
    <Page title={`${a} and ${b}`} heading={null}>
      <CompareView a={a} b={b} narrow={narrow} />
    </Page>
  );
}
