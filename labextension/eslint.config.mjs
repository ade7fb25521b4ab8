import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import hooks from 'eslint-plugin-react-hooks';
import globals from 'globals';
import ts from 'typescript-eslint';

export default ts.config(
  { ignores: ['lib/', 'node_modules/', 'coverage/', '.yarn/', 'src/api/types.ts'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...ts.configs.stylistic,
  {
    files: ['src/**/*.{ts,tsx}', 'tests/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    languageOptions: { globals: globals.browser },
    rules: {
      ...hooks.configs.recommended.rules,
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: 'Captured content is hostile: show it in a sandboxed frame.'
        },
        {
          selector: "MemberExpression[property.name='innerHTML']",
          message: 'Captured content is hostile: show it in a sandboxed frame.'
        }
      ],
      'no-restricted-globals': ['error', 'localStorage', 'sessionStorage'],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      curly: 'error'
    }
  },
  {
    // The components know only `Backend`: neither JupyterLab nor the page around them.
    files: ['src/ui/**/*.{ts,tsx}', 'src/api/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: ['@jupyterlab/*', '@lumino/*', '**/lab/*', '**/dashboard/*'] }
      ]
    }
  },
  {
    files: ['src/lab/**/*.{ts,tsx}'],
    plugins: { jupyter },
    rules: {
      ...Object.assign({}, ...jupyter.configs.recommended.map(config => config.rules)),
      // `CommandIDs` and `Private` are namespaces throughout JupyterLab.
      '@typescript-eslint/no-namespace': 'off',
      // The components are shared with the dashboard, which has no translations.
      'jupyter/no-untranslated-string': 'off'
    }
  },
  { files: ['scripts/**', '*.mjs', '*.mts'], languageOptions: { globals: globals.node } },
  prettier
);
