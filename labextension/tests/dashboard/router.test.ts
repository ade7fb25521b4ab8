import { afterEach, describe, expect, it, vi } from 'vitest';

import { Problem, type BackendEvent } from '../../src/api';
import { readColumns, writeColumns } from '../../src/dashboard/columns';
import { HttpBackend } from '../../src/dashboard/http';
import { address, parse, withQuery } from '../../src/dashboard/router';

describe('addresses', () => {
  it.each([
    ['/', { page: 'projects' }],
    ['/p/PRJ-3', { page: 'project', project: 'PRJ-3', tab: 'snapshots' }],
    ['/p/PRJ-3/members', { page: 'project', project: 'PRJ-3', tab: 'members' }],
    ['/s/SNP-42', { page: 'snapshot', snapshot: 'SNP-42' }],
    ['/compare/SNP-1/SNP-2', { page: 'compare', a: 'SNP-1', b: 'SNP-2' }],
    ['/tokens', { page: 'tokens' }],
    ['/device', { page: 'device' }],
    ['/p/PRJ-3/nothing', { page: 'missing' }],
    ['/s', { page: 'missing' }],
    ['/s/%E0%A4%A', { page: 'missing' }],
    ['/tokens/more', { page: 'missing' }]
  ])('%s is a page', (path, route) => expect(parse(path)).toEqual(route));

  it('carry ids as one part, whatever they hold', () => {
    const to = address({ kind: 'snapshot', snapshot: '../a?b#c' });
    expect(to).toBe('/s/..%2Fa%3Fb%23c');
    expect(parse(to)).toEqual({ page: 'snapshot', snapshot: '../a?b#c' });
  });

  it('keep what is not changed', () => {
    const url = new URL('http://d/p/PRJ-1?q=x&sort=name');
    expect(withQuery(url, { q: 'tag:a b' })).toBe('/p/PRJ-1?q=tag%3Aa+b&sort=name');
    expect(withQuery(url, { q: '' })).toBe('/p/PRJ-1?sort=name');
  });
});

describe('columns in the address', () => {
  it('come back as they went, also metrics with odd names', () => {
    const columns = { plain: ['size' as const], metrics: ['a,b', 'm:x'] };
    expect(readColumns(writeColumns(columns), ['m:x', 'a,b'])).toEqual(columns);
    expect(readColumns(writeColumns({ plain: [], metrics: [] }), ['acc'])).toEqual({
      plain: [],
      metrics: []
    });
    expect(readColumns(null, ['a', 'b', 'c', 'd']).metrics).toEqual(['a', 'b', 'c']);
    expect(readColumns('m:%,evil', ['acc'])).toEqual({ plain: [], metrics: [] });
  });
});

describe('the backend over HTTP', () => {
  afterEach(() => vi.unstubAllGlobals());

  const answering = (status: number, body: unknown, text?: string): ReturnType<typeof vi.fn> => {
    const fetch = vi.fn(() =>
      Promise.resolve(
        new Response(status === 204 ? null : (text ?? JSON.stringify(body)), { status })
      )
    );
    vi.stubGlobal('fetch', fetch);
    return fetch;
  };

  it('asks with the session, encoded queries and JSON', async () => {
    const fetch = answering(200, { ok: 1 });
    const backend = new HttpBackend(vi.fn());
    expect(await backend.get('/projects', { q: 'a&b', cursor: null, limit: 5 })).toEqual({ ok: 1 });
    await backend.send('POST', '/tokens', { name: 'x' });
    expect(fetch.mock.calls[0]?.[0]).toBe('/api/v1/projects?q=a%26b&limit=5');
    expect(fetch.mock.calls[1]?.[1]).toMatchObject({
      method: 'POST',
      credentials: 'same-origin',
      body: '{"name":"x"}'
    });
  });

  it('gives typed errors from problem documents', async () => {
    answering(404, { code: 'not_found', what: 'no project', why: 'gone', nearest: ['Churn'] });
    const failed = await new HttpBackend(vi.fn()).get('/x').catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Problem);
    expect(failed).toMatchObject({
      status: 404,
      code: 'not_found',
      why: 'gone',
      nearest: ['Churn']
    });
  });

  it('understands that a proxy answered, and that nobody did', async () => {
    answering(502, null, '<html>Bad gateway</html>');
    const backend = new HttpBackend(vi.fn());
    await expect(backend.get('/me')).rejects.toMatchObject({ status: 502, code: 'server_error' });
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
    await expect(backend.get('/me')).rejects.toMatchObject({ code: 'offline' });
  });

  it('tells when the session has ended, but not for a wrong password', async () => {
    answering(401, { code: 'unauthorized', what: 'no' });
    const onSignedOut = vi.fn();
    const backend = new HttpBackend(onSignedOut);
    await backend.send('POST', '/sign-in', {}).catch(() => undefined);
    expect(onSignedOut).not.toHaveBeenCalled();
    await backend.get('/me').catch(() => undefined);
    expect(onSignedOut).toHaveBeenCalledOnce();
  });

  it('has one stream for all listeners, and says what may have been missed before it', () => {
    const streams: FakeStream[] = [];
    class FakeStream extends EventTarget {
      static readonly CLOSED = 2;
      readyState = 1;
      onopen: (() => void) | null = null;
      close = vi.fn();
      constructor(readonly url: string) {
        super();
        streams.push(this);
      }
    }
    vi.stubGlobal('EventSource', FakeStream);
    const backend = new HttpBackend(vi.fn());
    const heard: BackendEvent[] = [];
    const stop = backend.events(event => heard.push(event));
    const stopOther = backend.events(() => undefined);
    expect(streams.map(stream => stream.url)).toEqual(['/api/v1/events']);
    streams[0]?.onopen?.();
    streams[0]?.dispatchEvent(new MessageEvent('snapshot', { data: '{"id":"s1","project":"p1"}' }));
    streams[0]?.dispatchEvent(new MessageEvent('project', { data: 'not JSON' }));
    streams[0]?.onopen?.();
    expect(heard).toEqual([
      { kind: 'reconnected' },
      { kind: 'snapshot', id: 's1', project: 'p1' },
      { kind: 'project' },
      { kind: 'reconnected' }
    ]);
    stop();
    stopOther();
    expect(streams[0]?.close).toHaveBeenCalled();
  });
});
