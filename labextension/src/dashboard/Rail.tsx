import { useState } from 'react';

import type { Me } from '../api';
import { useAction, type MenuEntry, Menu } from '../ui';
import { go, type Route } from './router';
import { chooseTheme, chosenTheme, type Theme } from './theme';

const PLACES: [page: Route['page'], address: string, label: string, icon: JSX.Element][] = [
  ['projects', '/', 'Projects', <path key="p" d="M1.5 3.5h5l1.5 2h6.5v8h-13z" />],
  [
    'search',
    '/search',
    'Search',
    <path key="s" d="M10.5 10.5 14 14M6.8 11.6a4.8 4.8 0 1 1 0-9.6 4.8 4.8 0 0 1 0 9.6z" />
  ],
  [
    'tokens',
    '/tokens',
    'Tokens',
    <path key="t" d="M5 11.5a3.5 3.5 0 1 1 3.3-4.6H14v2.2h-1.6v2H10v-2H8.3A3.5 3.5 0 0 1 5 11.5z" />
  ]
];

const THEMES: [Theme, string][] = [
  ['light', 'Light'],
  ['dark', 'Dark'],
  ['system', 'Like the system']
];

/** The left rail: places, and the account at the bottom. */
export function Rail(props: { me: Me; route: Route; onSignOut(): Promise<void> }): JSX.Element {
  const { me, route } = props;
  const [theme, setTheme] = useState(chosenTheme);
  const leaving = useAction();
  const inProjects = ['projects', 'project', 'snapshot', 'compare'].includes(route.page);
  const account: MenuEntry[] = [
    ...THEMES.map(([value, label]) => ({
      id: value,
      label: `${theme === value ? '✓ ' : ''}${label}`,
      run: () => {
        chooseTheme(value);
        setTheme(value);
      }
    })),
    { id: 'out', label: 'Sign out', run: () => leaving.run(props.onSignOut) }
  ];
  return (
    <nav className="rail" aria-label="Main">
      <div className="rail-brand" aria-hidden="true">
        etiq
      </div>
      <ul>
        {PLACES.map(([page, to, label, icon]) => {
          const here = page === route.page || (page === 'projects' && inProjects);
          return (
            <li key={page}>
              <a
                href={to}
                aria-current={here ? 'page' : undefined}
                onClick={event => {
                  if (!(event.metaKey || event.ctrlKey || event.shiftKey)) {
                    event.preventDefault();
                    go(to);
                  }
                }}
              >
                <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
                  {icon}
                </svg>
                <span>{label}</span>
              </a>
            </li>
          );
        })}
      </ul>
      <div className="rail-account">
        <Menu
          className="rail-account-button"
          name={`Account of ${me.user.username}`}
          label={
            <>
              <span
                className="rail-avatar"
                data-letter={me.user.username.slice(0, 1).toUpperCase()}
              />
              <span className="rail-user">{me.user.username}</span>
            </>
          }
          entries={account}
        />
        <span className="rail-version">{me.server.version}</span>
      </div>
    </nav>
  );
}
