export type Theme = 'light' | 'dark' | 'system';

const COOKIE = 'etiq_theme';
const YEAR = 365 * 86_400;

/** What the user chose; a cookie, as pages keep nothing else in the browser. */
export function chosenTheme(): Theme {
  const found = document.cookie.split('; ').find(pair => pair.startsWith(`${COOKIE}=`));
  const value = found?.slice(COOKIE.length + 1);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export function chooseTheme(theme: Theme): void {
  const age = theme === 'system' ? 0 : YEAR;
  document.cookie = `${COOKIE}=${theme}; Path=/; Max-Age=${age}; SameSite=Lax`;
  applyTheme(theme);
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}
