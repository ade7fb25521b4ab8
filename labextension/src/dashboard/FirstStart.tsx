import { CodeToCopy, PlaceLink } from '../ui';
import { Page } from './page';

/** What to paste where; the page turns into the project list when the first snapshot arrives. */
export function FirstStart(): JSX.Element {
  const start = `%load_ext etiq_jupyter\n%etiq_login ${location.origin}\n%etiq_project My first project`;
  return (
    <Page title="Projects" heading="No projects yet">
      <ol className="steps">
        <li>
          <p>
            Make an access token on the <PlaceLink to={{ kind: 'tokens' }}>Tokens page</PlaceLink>.
          </p>
        </li>
        <li>
          <p>Paste these lines in a notebook; the second one asks for the token.</p>
          <CodeToCopy label="Lines to log in" code={start} />
        </li>
        <li>
          <p>Keep what a cell does by its first line.</p>
          <CodeToCopy label="First snapshot" code={'%%snapshot first\nanswer = 6 * 7'} />
        </li>
      </ol>
      <p className="etiq-quiet" role="status">
        Waiting for the first snapshot. This page shows it when it arrives.
      </p>
    </Page>
  );
}
