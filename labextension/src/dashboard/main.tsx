import { createRoot } from 'react-dom/client';

import '../../style/dashboard/index.css';
import { App } from './App';
import { applyTheme, chosenTheme } from './theme';

applyTheme(chosenTheme());
const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(<App />);
}
