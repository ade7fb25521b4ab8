import { PlaceLink } from '../ui';
import { Page } from './page';

export function MissingPage(): JSX.Element {
  return (
    <Page title="No such page">
      <p>
        There is nothing at <code>{location.pathname}</code>. It may have been deleted or renamed.
      </p>
      <p>
        <PlaceLink to={{ kind: 'projects' }}>Go to the projects</PlaceLink>
      </p>
    </Page>
  );
}
