// A service that keeps sessions by the rules of the real one, as far as a client sees
// them. The real one is used in clients/browser_test.go.
import { vi } from 'vitest';
import { createClient, type Client, type Options } from '../src/index.js';

export const api = 'https://api.example.org';

interface Session {
  user: string;
  refreshToken: string;
  successor?: string;
}

const b64 = (value: object) => btoa(JSON.stringify(value)).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_');
const json = (status: number, body: unknown, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', ...headers } });
export const problem = (status: number, code: string, headers = {}) => json(status, { type: 'about:blank', title: code, status, code, requestId: 'r' }, headers);

export class Service {
  calls: { route: string; body: any; authorization: string | null; credentials: string }[] = [];
  sessions: Session[] = [];
  names = new Map<string, string>();
  life = 900;
  /** Runs before a call is answered; what it returns is the answer. */
  before: (route: string) => Promise<Response | void> | Response | void = () => {};
  /** Runs when a call has had its effect, before the answer is on its way. */
  after: (route: string) => Promise<void> | void = () => {};
  cookie: Session | null = null;
  #made = 0;
  #tokens = new Map<string, { session: Session; until: number }>();

  count = (route: string) => this.calls.filter((call) => call.route === route).length;

  fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const route = `${request.method} ${new URL(request.url).pathname}`;
    const body = JSON.parse((await request.text()) || '{}');
    this.calls.push({ route, body, authorization: request.headers.get('Authorization'), credentials: request.credentials });
    const answer = (await this.before(route)) ?? this.#answer(route, body, request);
    await this.after(route);
    return answer;
  };

  #grant(session: Session, deviceToken: string | null = null) {
    // The service's clock, which is not the one that tests change.
    const now = Math.floor(performance.now() / 1000) + 1_000_000;
    const token = `h.${b64({ iat: now - 60, exp: now + this.life, jti: ++this.#made })}.s`;
    this.#tokens.set(token, { session, until: performance.now() + this.life * 1000 });
    return { id: session.user, token, refreshToken: session.refreshToken, deviceToken, rolesWithheld: false };
  }

  #open(user: string, body: any) {
    const session = { user, refreshToken: `r${++this.#made}` };
    this.sessions.push(session);
    if (body.session !== 'cookie') return this.#grant(session, body.deviceToken ? null : 'device');
    this.cookie = session;
    return { id: user, rolesWithheld: false };
  }

  /** Ends the tokens' lives; what tokens say stays. */
  expire = () => this.#tokens.clear();
  end = (session: Session) => {
    this.sessions = this.sessions.filter((s) => s !== session);
    if (this.cookie === session) this.cookie = null;
  };

  #caller(request: Request): Session | undefined {
    const held = this.#tokens.get(request.headers.get('Authorization')?.replace('Bearer ', '') ?? '');
    const session = request.credentials === 'include' ? this.cookie : held && held.until > performance.now() ? held.session : undefined;
    return this.sessions.find((s) => s === session);
  }

  #answer(route: string, body: any, request: Request): Response {
    const caller = this.#caller(request);
    switch (route) {
      case 'POST /auth/signin':
        return body.password === 'wrong' ? problem(401, 'invalid-credentials') : json(200, this.#open(body.email, body));
      case 'POST /auth/refresh': {
        const session = this.sessions.find((s) => s.refreshToken === body.refreshToken || s.successor === body.refreshToken);
        if (!session) return problem(401, 'invalid-refresh-token');
        if (session.successor === body.refreshToken || !session.successor) {
          session.refreshToken = session.successor ?? session.refreshToken;
          session.successor = `r${++this.#made}`;
        }
        return json(200, { ...this.#grant(session), refreshToken: session.successor });
      }
      case 'POST /auth/signout': {
        const session = this.cookie ?? this.sessions.find((s) => [s.refreshToken, s.successor].includes(body.refreshToken));
        if (session) this.end(session);
        return new Response(null, { status: 204 });
      }
      case 'POST /v1/graphql':
        if (request.headers.has('Authorization') && !caller) return json(200, { errors: [{ message: 'JWTExpired', extensions: { code: 'invalid-jwt' } }] });
        if (this.cookie && !caller) return json(200, { errors: [{ message: 'x', extensions: { code: 'unauthenticated' } }] });
        return json(200, { data: { whoami: caller?.user ?? null } });
    }
    if (!caller) return problem(401, 'unauthenticated');
    switch (route) {
      case 'GET /auth/me':
        return json(200, { id: caller.user, name: this.names.get(caller.user) ?? caller.user.toUpperCase() });
      case 'PATCH /auth/me':
        this.names.set(caller.user, body.name);
        return new Response(null, { status: 204 });
      case 'POST /auth/password': {
        this.end(caller);
        return json(200, this.#open(caller.user, body));
      }
      case 'POST /auth/elevate': {
        const { token } = this.#grant(caller);
        return json(200, { token });
      }
      default:
        return new Response(null, { status: 204 });
    }
  }
}

/** One browser: its tabs share storage, locks and messages. */
export class Browser {
  items = new Map<string, string>();
  storage = {
    getItem: (key: string) => this.items.get(key) ?? null,
    setItem: (key: string, value: string) => void this.items.set(key, value),
    removeItem: (key: string) => void this.items.delete(key),
  };
  constructor(readonly service: Service) {}

  tab = (mode: 'token' | 'cookie' = 'token', options: Partial<Options> = {}): Client =>
    createClient({ url: api, mode, storage: this.storage, fetch: this.service.fetch, ...options });
}

/** As in a page: there is a document, and Web Locks unless they are left out. */
export const inPage = (locks = true): void => {
  let last: Promise<unknown> = Promise.resolve();
  const request = (_: string, work: () => Promise<unknown>) => {
    const result = last.then(work, work);
    last = result.catch(() => {});
    return result;
  };
  const channels: Channel[] = [];
  class Channel {
    listeners: ((event: { data: unknown }) => void)[] = [];
    constructor(readonly name: string) {
      channels.push(this);
    }
    addEventListener(_: string, listener: (event: { data: unknown }) => void) {
      this.listeners.push(listener);
    }
    postMessage(data: unknown) {
      const copy = structuredClone(data);
      for (const other of channels) {
        if (other !== this && other.name === this.name) queueMicrotask(() => other.listeners.forEach((listener) => listener({ data: copy })));
      }
    }
  }
  vi.stubGlobal('document', {});
  vi.stubGlobal('BroadcastChannel', Channel);
  vi.stubGlobal('navigator', locks ? { locks: { request } } : {});
};

export const settle = () => vi.advanceTimersByTimeAsync(0);
