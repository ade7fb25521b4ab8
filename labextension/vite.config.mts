import { defineConfig } from 'vite';

/** The dashboard's single page app; the server hands out what is built here. */
export default defineConfig({
  root: 'src/dashboard',
  base: '/',
  publicDir: 'public',
  build: {
    outDir: '../../../etiq_jupyter/dashboard/static',
    emptyOutDir: true,
    target: 'es2022',
    // The first with light-dark(), which the theme is written in.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    sourcemap: false,
    // Captured content never runs as code and the server sends a strict policy: nothing may be inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true
  },
  oxc: { jsx: { runtime: 'automatic' } }
});
