import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Client } from '../src/index.js';
import { api, Browser, inPage, problem, Service, settle } from './service.js';

const password = 'correct horse staple';
let service: Service;
let browser: Browser;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  inPage();
  service = new Service();
  browser = new Browser(service);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const signIn = (tab: Client, email = 'ann') => tab.signIn({ email, password });
const graphql = (tab: Client) => tab.fetch(`${api}/v1/graphql`, { method: 'POST', body: '{}' });

it('asks who is signed in, and until then says that it does not know', async () => {
  const tab = browser.tab('cookie');
  expect(tab.state.status).toBe('loading');
  expect(await tab.ready).toEqual({ status: 'signed-out', user: null });
});

it('asks again while the service is away', async () => {
  service.before = () => Promise.reject(new TypeError('fetch failed'));
  const tab = browser.tab('cookie');
  await vi.advanceTimersByTimeAsync(5000);
  expect([tab.state.status, service.count('GET /auth/me')]).toEqual(['loading', 3]);
  service.before = () => {};
  await vi.advanceTimersByTimeAsync(5000);
  expect(tab.state.status).toBe('signed-out');
});

it.each([null, { id: 'ann' }])('asks nothing if the server said who: %o', async (user) => {
  const tab = browser.tab('cookie', { user });
  expect((await tab.ready).user).toEqual(user);
  expect(service.calls).toEqual([]);
});

it('asks for a cookie, keeps no token, and sends cookies with everything', async () => {
  const tab = browser.tab('cookie');
  await tab.ready;
  expect(await signIn(tab)).toEqual({ id: 'ann', name: 'ANN' });
  await graphql(tab);
  expect(service.calls.find((c) => c.route === 'POST /auth/signin')!.body.session).toBe('cookie');
  expect(service.calls.every((c) => c.credentials === 'include' && !c.authorization)).toBe(true);
  expect([browser.items.size, await tab.token()]).toEqual([0, null]);
});

it('tells the other tabs, which ask nothing', async () => {
  const [a, b] = [browser.tab('cookie'), browser.tab('cookie')];
  await Promise.all([a.ready, b.ready]);
  await signIn(a);
  const calls = service.calls.length;
  await settle();
  expect(b.user).toEqual({ id: 'ann', name: 'ANN' });
  await b.signOut();
  await settle();
  expect(a.state.status).toBe('signed-out');
  expect(service.calls.length).toBe(calls + 1);
});

it('stays signed in if the service could not sign out', async () => {
  const tab = browser.tab('cookie');
  await signIn(tab);
  service.before = () => Promise.reject(new TypeError('fetch failed'));
  await expect(tab.signOut()).rejects.toMatchObject({ code: 'unavailable' });
  expect(tab.user?.id).toBe('ann');
});

it('lets a late answer sign nobody in again', async () => {
  const tab = browser.tab('cookie');
  await signIn(tab);
  let open = () => {};
  const ann = new Response('{"id":"ann"}', { headers: { 'Content-Type': 'application/json' } });
  service.before = (route) => (route === 'GET /auth/me' ? new Promise<Response>((resolve) => (open = () => resolve(ann))) : undefined);
  const checked = tab.check();
  await settle();
  await tab.signOut();
  open();
  expect((await checked).status).toBe('signed-out');
});

it.each([
  ['GraphQL', graphql],
  ['a call', (tab: Client) => tab.call('sessions').catch(() => {})],
])('notices by %s that the session has ended, and tells the other tabs', async (_, use) => {
  const [a, b] = [browser.tab('cookie'), browser.tab('cookie')];
  await signIn(a);
  await settle();
  service.sessions = [];
  await use(a);
  await settle();
  expect([a.state.status, b.state.status]).toEqual(['signed-out', 'signed-out']);
});

it('keeps the session if it cannot be asked about', async () => {
  const tab = browser.tab('cookie');
  await signIn(tab);
  service.before = () => problem(500, 'internal');
  await expect(tab.check()).rejects.toMatchObject({ code: 'internal' });
  expect(tab.user?.id).toBe('ann');
});
