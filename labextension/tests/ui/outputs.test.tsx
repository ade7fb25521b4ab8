import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import { overwrite, parseAnsi } from '../../src/ui/ansi';
import { MimeBundle, OutputsView, TerminalText } from '../../src/ui/OutputsView';
import { pictureSource } from '../../src/ui/Picture';
import { sandboxed } from '../../src/ui/SandboxFrame';
import { plainTable } from '../../src/ui/StaticTable';

const NASTY = '<img src=x onerror="window.owned=true"><script>window.owned=true</script>';

describe('captured HTML', () => {
  it('is sealed: no scripts, no origin, a policy before everything else', () => {
    const { container } = render(
      <OutputsView outputs={[{ output_type: 'display_data', data: { 'text/html': NASTY } }]} />
    );
    const frame = container.querySelector('iframe');
    expect(frame?.getAttribute('sandbox')).toBe('');
    expect(frame?.getAttribute('referrerpolicy')).toBe('no-referrer');
    expect(container.querySelector('img, script')).toBeNull();
    const document = frame?.getAttribute('srcdoc') ?? '';
    expect(document.indexOf('Content-Security-Policy')).toBeLessThan(document.indexOf('<img'));
    expect(sandboxed('')).toMatch(/default-src 'none'/);
    expect(sandboxed('')).not.toMatch(/script-src|connect-src|unsafe-eval/);
  });

  it('of a data frame becomes a table of texts', () => {
    const html =
      '<div><style scoped>.dataframe {}</style><table border="1" class="dataframe"><thead><tr>' +
      '<th></th><th>city</th><th>n</th></tr></thead><tbody><tr><th>0</th><td>&lt;b&gt;Rome</td>' +
      '<td>12</td></tr></tbody></table><p>1 rows × 2 columns</p></div>';
    const { container } = render(<MimeBundle bundle={{ 'text/html': html }} title="Output 1" />);
    expect(container.querySelector('iframe')).toBeNull();
    expect(screen.getByText('<b>Rome').tagName).toBe('TD');
    expect(screen.getByText('12').className).toBe('etiq-number');
    expect(screen.getByText('1 rows × 2 columns')).toBeTruthy();
  });

  it.each([
    ['pictures', '<table class="dataframe"><tr><td><img src=x></td></tr></table>'],
    ['merged cells', '<table class="dataframe"><tr><td colspan=2>a</td></tr></table>'],
    ['own colours', '<table class="dataframe"><tr><td style="color:red">a</td></tr></table>'],
    ['no frame', '<table><tr><td>a</td></tr></table>'],
    ['two tables', '<table class="dataframe"></table><table></table>']
  ])('with %s stays in the sealed frame', (_, html) => expect(plainTable(html)).toBeNull());
});

describe('pictures', () => {
  it('are data in an <img>, whatever they claim to be', () => {
    expect(pictureSource('image/png', 'iVBO\nRw0=')).toBe('data:image/png;base64,iVBORw0=');
    expect(pictureSource('image/svg+xml', '<svg onload="x"/>')).toMatch(
      /^data:image\/svg\+xml;charset=utf-8,%3Csvg/
    );
    expect(pictureSource('text/html', '<script>')).toBeNull();
    expect(pictureSource('image/png', { evil: true })).toBeNull();
    expect(pictureSource('image/png', '')).toBeNull();
  });
});

describe('text outputs', () => {
  it('keep colours and drop every other control', () => {
    expect(parseAnsi('a\u001b[1;31mred\u001b[0m\u001b[2K\u001b]8;;javascript:x\u0007b')).toEqual([
      { text: 'a' },
      { text: 'red', colour: 1, bold: true },
      { text: 'b' }
    ]);
    expect(parseAnsi('\u001b[38;5;196mx\u001b[38;2;1;2;31my')).toEqual([
      { text: 'x' },
      { text: 'y' }
    ]);
  });

  it('show a progress bar as it ended', () => {
    expect(overwrite('10%\r 50%\r100%\ndone')).toBe('100%\ndone');
    expect(overwrite('a\r\nb')).toBe('a\nb');
    expect(overwrite('long line\rshort')).toBe('shortline');
  });

  it('fold when long', async () => {
    const user = userEvent.setup();
    const text = Array.from({ length: 300 }, (_, n) => `line ${n}`).join('\n');
    render(<TerminalText text={text} />);
    expect(screen.queryByText(/line 299/)).toBeNull();
    await user.click(screen.getByRole('button', { name: 'Show all 300 lines' }));
    expect(screen.getByText(/line 299/)).toBeTruthy();
  });
});

describe('outputs of any form', () => {
  it.each([
    [null],
    ['text'],
    [[null, 1, 'x', []]],
    [[{ output_type: 'display_data', data: 'x' }]],
    [[{ output_type: 'stream', text: { a: 1 } }]],
    [[{ output_type: 'error', traceback: 'no list', ename: 5 }]],
    [[{ data: { 'text/plain': [1, 2], 'text/html': 7 } }]]
  ])('%j does no harm', outputs => {
    expect(() => render(<OutputsView outputs={outputs} />)).not.toThrow();
  });

  it('prefer pictures, then tables, then data, then HTML', () => {
    const bundle = {
      'text/plain': '<Figure>',
      'text/html': '<b>x</b>',
      'image/png': 'iVBORw0KGgo='
    };
    const { container } = render(<MimeBundle bundle={bundle} title="Output 1" />);
    expect(container.querySelector('img')?.getAttribute('src')).toMatch(/^data:image\/png/);
    expect(container.querySelector('iframe')).toBeNull();
  });

  it('show a Vega document as data', () => {
    const mime = 'application/vnd.vegalite.v5+json';
    render(<MimeBundle bundle={{ [mime]: { mark: 'bar' }, 'text/html': NASTY }} title="chart" />);
    expect(screen.getByText(/A Vega figure/)).toBeTruthy();
    expect(screen.getByText('"bar"')).toBeTruthy();
  });
});
