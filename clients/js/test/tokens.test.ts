import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuthError, createClient, type Client } from '../src/index.js';
import { api, Browser, inPage, problem, Service, settle } from './service.js';

const password = 'correct horse staple';
let service: Service;
let browser: Browser;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'] });
  inPage();
  service = new Service();
  browser = new Browser(service);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const signIn = (tab: Client, email = 'ann') => tab.signIn({ email, password });
const later = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);
const whoami = async (tab: Client) => {
  const res = await tab.fetch(`${api}/v1/graphql`, { method: 'POST', body: '{}' });
  return ((await res.json()) as any).data?.whoami;
};

/** Lets a call wait until it is told to go on. */
const gate = (route: string, where: 'before' | 'after' = 'before') => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  service[where] = (called: string) => (called === route ? opened : undefined);
  return open;
};

describe('signing in', () => {
  it('tells every tab who it is', async () => {
    const [a, b] = [browser.tab(), browser.tab()];
    const changes: unknown[] = [];
    b.onChange((now, before) => changes.push([before.user?.id, now.user?.id]));
    expect(await signIn(a)).toEqual({ id: 'ann', name: 'ANN' });
    await settle();
    expect(b.user).toEqual({ id: 'ann', name: 'ANN' });
    expect(changes[0]).toEqual([undefined, 'ann']);
    expect((await browser.tab().ready).user?.id).toBe('ann');
  });

  it('reports a refusal with its code', async () => {
    const tab = browser.tab();
    const refused = tab.signIn({ email: 'ann', password: 'wrong' });
    await expect(refused).rejects.toMatchObject({ code: 'invalid-credentials', status: 401, requestId: 'r' });
    await expect(refused).rejects.toBeInstanceOf(AuthError);
    expect(tab.state).toEqual({ status: 'signed-out', user: null });
  });

  it('leaves it to the caller when to try again', async () => {
    service.before = () => problem(429, 'rate-limited', { 'Retry-After': '7' });
    await expect(signIn(browser.tab())).rejects.toMatchObject({ code: 'rate-limited', retryAfter: 7 });
    expect(service.count('POST /auth/signin')).toBe(1);
  });

  it.each([
    ['no answer', () => Promise.reject(new TypeError('fetch failed')), 'unavailable'],
    ['a page of a proxy', () => new Response('<h1>Bad gateway</h1>', { status: 502 }), 'unavailable'],
    ['half of a JSON', () => new Response('{"cod', { status: 400, headers: { 'Content-Type': 'application/json' } }), 'internal'],
  ])('has a code for %s', async (_, answer, code) => {
    service.before = answer;
    await expect(signIn(browser.tab())).rejects.toMatchObject({ code });
  });

  it('sends the device token of an earlier sign-in', async () => {
    const tab = browser.tab();
    await signIn(tab);
    await tab.signOut();
    await signIn(tab);
    expect(service.calls.filter((c) => c.route === 'POST /auth/signin').map((c) => c.body.deviceToken)).toEqual([undefined, 'device']);
  });

  it('as somebody else ends the session of before', async () => {
    const tab = browser.tab();
    await signIn(tab);
    await signIn(tab, 'bob');
    await settle();
    expect(service.sessions.map((s) => s.user)).toEqual(['bob']);
    expect(await whoami(tab)).toBe('bob');
  });
});

describe('refreshing', () => {
  it('happens once for twenty tabs', async () => {
    await signIn(browser.tab());
    const tabs = Array.from({ length: 20 }, () => browser.tab());
    await later(service.life);
    const tokens = await Promise.all(tabs.map((tab) => tab.token()));
    expect(new Set(tokens).size).toBe(1);
    expect(service.count('POST /auth/refresh')).toBe(1);
  });

  it('signs no tab out where there are no locks', async () => {
    vi.unstubAllGlobals();
    inPage(false);
    await signIn(browser.tab());
    const tabs = Array.from({ length: 20 }, () => browser.tab());
    await later(service.life);
    expect((await Promise.all(tabs.map((tab) => tab.token()))).every(Boolean)).toBe(true);
    expect(await Promise.all(tabs.map(whoami))).toEqual(tabs.map(() => 'ann'));
  });

  it('waits when the service asks to', async () => {
    const tab = browser.tab();
    await signIn(tab);
    await later(service.life);
    const refusals = [problem(503, 'overloaded', { 'Retry-After': '3' }), problem(429, 'rate-limited', { 'Retry-After': '2' })];
    service.before = () => refusals.shift();
    const token = tab.token();
    await later(4);
    expect(service.count('POST /auth/refresh')).toBe(2);
    await later(3);
    expect(await token).toBeTruthy();
    expect(service.count('POST /auth/refresh')).toBe(3);
  });

  it.each([
    ['no answer', () => Promise.reject(new TypeError('fetch failed'))],
    ['a long wait', () => problem(503, 'unavailable', { 'Retry-After': '600' })],
    ['an error', () => problem(500, 'internal')],
  ])('keeps the session over %s', async (_, answer) => {
    const tab = browser.tab();
    await signIn(tab);
    await later(service.life);
    service.before = answer;
    await expect(tab.token()).rejects.toBeInstanceOf(AuthError);
    expect(tab.user?.id).toBe('ann');
    service.before = () => {};
    expect(await whoami(tab)).toBe('ann');
  });

  it('uses the token that is good for a moment yet, if it fails', async () => {
    const tab = browser.tab();
    await signIn(tab);
    const token = await tab.token();
    await later(service.life - 20);
    service.before = () => problem(500, 'internal');
    expect(await tab.token()).toBe(token);
  });

  it('of an ended session signs out every tab', async () => {
    const [a, b] = [browser.tab(), browser.tab()];
    await signIn(a);
    await settle();
    service.sessions = [];
    await later(service.life);
    expect(await a.token()).toBeNull();
    await settle();
    expect([a.state.status, b.state.status]).toEqual(['signed-out', 'signed-out']);
  });

  const day = 86_400_000;
  it.each([
    ['a day fast', day, 0],
    ['a day slow', -day, 0],
    ['set forward meanwhile', 0, day],
    ['set back meanwhile', 0, -day],
    ['put right from a day fast', day, -day],
  ])('does not mind a clock that is %s', async (_, first, then) => {
    vi.setSystemTime(Date.now() + first);
    const tab = browser.tab();
    await signIn(tab);
    const token = await tab.token();
    if (!then) {
      await later(service.life - 60);
      expect(await tab.token()).toBe(token);
    }
    vi.setSystemTime(Date.now() + then);
    expect(await whoami(tab)).toBe('ann');
    await later(service.life);
    expect(await whoami(tab)).toBe('ann');
    expect(service.count('POST /auth/refresh')).toBeLessThan(3);
  });

  it('happens as soon as the clock was set back, because the age of the token is not known', async () => {
    const tab = browser.tab();
    await signIn(tab);
    vi.setSystemTime(Date.now() - day);
    await tab.token();
    expect(service.count('POST /auth/refresh')).toBe(1);
  });

  it('happens when Hasura refuses a token that looks good', async () => {
    const tab = browser.tab();
    await signIn(tab);
    service.expire();
    expect(await whoami(tab)).toBe('ann');
    expect([service.count('POST /v1/graphql'), service.count('POST /auth/refresh')]).toEqual([2, 1]);
  });

  it('happens when the service refuses a token that looks good', async () => {
    const tab = browser.tab();
    await signIn(tab);
    service.expire();
    await tab.call('endSession', { id: 'a/b' });
    expect(service.count('DELETE /auth/sessions/a%2Fb')).toBe(2);
  });
});

describe('signing out', () => {
  it.each(['before', 'after'] as const)('wins over a refresh under way in another tab, %s it has reached the service', async (where) => {
    const [a, b] = [browser.tab(), browser.tab()];
    await signIn(a);
    await later(service.life);
    const open = gate('POST /auth/refresh', where);
    const token = b.token();
    await settle();
    await a.signOut();
    open();
    expect(await token).toBeNull();
    await settle();
    expect([a.state.status, b.state.status, browser.tab().state.status]).toEqual(['signed-out', 'signed-out', 'signed-out']);
    expect(browser.items.has(`hasura-login ${api}`)).toBe(false);
    expect(service.sessions).toEqual([]);
  });

  it('and in again is not undone by a late answer to a refresh', async () => {
    const [a, b] = [browser.tab(), browser.tab()];
    await signIn(a);
    await later(service.life);
    const open = gate('POST /auth/refresh', 'after');
    const token = b.token();
    await settle();
    await a.signOut();
    await signIn(a, 'bob');
    open();
    await token;
    expect([await whoami(a), await whoami(b)]).toEqual(['bob', 'bob']);
    expect(service.sessions.map((s) => s.user)).toEqual(['bob']);
  });

  it('wins over one whose tab has not seen the storage change', async () => {
    const [a, b] = [browser.tab(), browser.tab()];
    await signIn(a);
    await settle();
    const stale = browser.items.get(`hasura-login ${api}`)!;
    await a.signOut();
    await settle();
    browser.items.set(`hasura-login ${api}`, stale);
    expect(await b.token()).toBeNull();
    expect(browser.items.has(`hasura-login ${api}`)).toBe(false);
  });

  it('works without the service', async () => {
    const tab = browser.tab();
    await signIn(tab);
    service.before = () => Promise.reject(new TypeError('fetch failed'));
    await tab.signOut();
    expect(tab.state.status).toBe('signed-out');
  });

  it('everywhere, and deleting the account, end it here too', async () => {
    for (const operation of ['signoutAll', 'deleteAccount'] as const) {
      const tab = browser.tab();
      await signIn(tab);
      await (operation === 'signoutAll' ? tab.call(operation) : tab.call(operation, { password }));
      expect(tab.state.status).toBe('signed-out');
    }
  });
});

describe('a session goes on', () => {
  it('after a change of password, in every tab', async () => {
    const [a, b] = [browser.tab(), browser.tab()];
    await signIn(a);
    await a.call('changePassword', { currentPassword: password, newPassword: 'slow green teapots' });
    await settle();
    expect([await whoami(a), await whoami(b)]).toEqual(['ann', 'ann']);
  });

  it('with the token of an elevation', async () => {
    const tab = browser.tab();
    await signIn(tab);
    const before = await tab.token();
    await tab.call('elevate', { method: 'totp', code: '123456' });
    expect(await tab.token()).not.toBe(before);
    await later(service.life);
    expect(await whoami(tab)).toBe('ann');
  });

  it('with a grant that came another way', async () => {
    const tab = browser.tab();
    const res = await service.fetch(`${api}/auth/signin`, { method: 'POST', body: JSON.stringify({ email: 'ann', password }) });
    await tab.adopt((await res.json()) as any);
    expect(await whoami(tab)).toBe('ann');
  });

  it('with a new name, in every tab', async () => {
    const [a, b] = [browser.tab(), browser.tab()];
    await signIn(a);
    await a.call('changeName', { name: 'Anna' });
    await settle();
    expect([a.user?.name, b.user?.name]).toEqual(['Anna', 'Anna']);
  });

  it('with the profile as it is now, after check', async () => {
    const [a, b] = [browser.tab(), browser.tab()];
    await signIn(a);
    service.names.set('ann', 'Anna');
    await a.check();
    await settle();
    expect([a.user?.name, b.user?.name]).toEqual(['Anna', 'Anna']);
  });
});

describe('fetch', () => {
  it('keeps an answer for the last user from the next one', async () => {
    const tab = browser.tab();
    await signIn(tab);
    const open = gate('POST /v1/graphql');
    const answer = whoami(tab);
    answer.catch(() => {});
    await settle();
    await tab.signOut();
    await signIn(tab, 'bob');
    open();
    await expect(answer).rejects.toBeInstanceOf(AuthError);
    service.before = () => {};
    expect(await whoami(tab)).toBe('bob');
  });

  it('sends no token elsewhere', async () => {
    const tab = browser.tab();
    await signIn(tab);
    const calls = service.calls.length;
    await expect(tab.fetch('https://elsewhere.example/v1/graphql')).rejects.toBeInstanceOf(TypeError);
    expect(service.calls.length).toBe(calls);
  });

  it('waits where the gateway refused', async () => {
    const tab = browser.tab();
    await signIn(tab);
    const refusals = [problem(429, 'rate-limited', { 'Retry-After': '1' })];
    service.before = () => refusals.shift();
    const answer = whoami(tab);
    await later(2);
    expect(await answer).toBe('ann');
  });

  it('does not repeat what may have run', async () => {
    const tab = browser.tab();
    await signIn(tab);
    service.before = () => problem(503, 'unavailable', { 'Retry-After': '1' });
    expect((await tab.fetch(`${api}/v1/graphql`, { method: 'POST', body: '{}' })).status).toBe(503);
    expect(service.count('POST /v1/graphql')).toBe(1);
  });
});

it('on a server, clients know nothing of each other', async () => {
  vi.unstubAllGlobals();
  const [a, b] = Array.from({ length: 2 }, () => createClient({ url: api, mode: 'token', fetch: service.fetch }));
  await signIn(a!);
  await new Promise((wake) => setImmediate(wake));
  expect([a!.user?.id, b!.user]).toEqual(['ann', null]);
});
