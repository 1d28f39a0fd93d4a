import { cookieSession } from './cookies.js';
import { AuthError, endsSession } from './error.js';
import { fetchWith } from './fetch.js';
import { hostedPages, type HostedOptions } from './hosted.js';
import { answer, patiently, type Fetch } from './http.js';
import { requestOf, routeOf, type Arguments, type Input, type Operation, type Output } from './operation.js';
import type { Grant, Session } from './session.js';
import { observable, stateOf, type Listener, type State, type User } from './state.js';
import { shared, type SessionStorage } from './storage.js';
import { tokenSession } from './tokens.js';

export interface Options {
  /** Where the service is, such as https://api.example.org. */
  url: string;
  /** Where GraphQL is answered; `url` with /v1/graphql if left out. */
  graphql?: string;
  /**
   * cookie (the default): the session is in a cookie that no script can read. token: the
   * page holds tokens, for services without the gateway and for apps on other sites.
   */
  mode?: 'cookie' | 'token';
  /** Cookie mode: the user for whom a server rendered the page, so that nothing is asked. */
  user?: User | null;
  /** Token mode: where the tokens are kept; localStorage if left out. */
  storage?: SessionStorage;
  /** Instead of the global fetch. */
  fetch?: Fetch;
}

export interface Client {
  readonly url: string;
  readonly graphql: string;
  readonly mode: 'cookie' | 'token';
  /** Who is signed in. */
  readonly state: State;
  readonly user: User | null;
  /** Resolves as soon as it is known who is signed in. */
  readonly ready: Promise<State>;
  /** Calls the listener at every change, in every tab; returns how to stop. */
  onChange(listener: Listener): () => void;

  signUp(input: Input<'signup'>): Promise<User>;
  signIn(input: Input<'signin'>): Promise<User>;
  /** Signs out in all tabs, even while another one refreshes. */
  signOut(): Promise<void>;
  /** Any call of the service, by its operationId in openapi.yaml. */
  call<O extends Operation>(operation: O, ...args: Arguments<O>): Promise<Output<O>>;
  /** Takes a grant that came another way, such as from a GraphQL action. */
  adopt(grant: Pick<Grant, 'id'> & Partial<Grant>): Promise<User>;
  /** Asks the service who is signed in: after a change of the profile, or to notice a session's end. */
  check(): Promise<State>;

  /** Leads to the hosted pages; the user comes back to one of the app's URLs. */
  redirectToSignIn(options?: HostedOptions): Promise<void>;
  /** On the page that users come back to, before anything else. Tells whether it signed in. */
  handleRedirect(): Promise<boolean>;

  /** fetch with the session, for GraphQL: refreshes, waits when asked to, and answers no user with another's data. */
  fetch: Fetch;
  /** Token mode: a good access token, refreshed if need be. null: nobody is signed in, or cookie mode. */
  token(): Promise<string | null>;
}

/** The session of one page with one service. Make one for the whole app. */
export const createClient = (options: Options): Client => {
  const url = options.url.replace(/\/+$/, '');
  const graphql = options.graphql ?? `${url}/v1/graphql`;
  const mode = options.mode ?? 'cookie';
  const name = `hasura-login ${url}`;
  const http: Fetch = (...args) => (options.fetch ?? globalThis.fetch)(...args);
  const state = observable(mode === 'cookie' && options.user === undefined ? { status: 'loading', user: null } : stateOf(options.user ?? null));

  const send = (operation: Parameters<typeof routeOf>[0], input: object, token: string | null, repeat = false) => {
    const route = routeOf(operation);
    const [to, init] = requestOf(url, route, { ...input, ...(route.givesGrant && operation !== 'refresh' ? session.wish : {}) });
    const request = () =>
      http(to, {
        ...init,
        credentials: session.credentials,
        keepalive: operation === 'signout',
        ...(token && { headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
      });
    return answer(repeat || route.method === 'GET' ? () => patiently(request, [429, 503]) : request);
  };

  const session: Session =
    mode === 'cookie'
      ? cookieSession({
          name,
          state,
          me: () => send('me', {}, null) as Promise<User>,
          signOut: () => send('signout', {}, null, true),
        })
      : tokenSession({
          name,
          state,
          storage: options.storage ?? shared(),
          refresh: (refreshToken) => send('refresh', { refreshToken }, null, true) as Promise<Grant>,
          signOut: (refreshToken) => send('signout', { refreshToken }, null, true),
        });

  const adopt: Client['adopt'] = async (grant) => {
    const known = state.get().user;
    session.keep(grant, known?.id === grant.id ? known : { id: grant.id });
    await check().catch(() => {}); // the user is signed in whatever this says
    return state.get().user ?? { id: grant.id };
  };

  const check = async () => {
    if (mode === 'cookie') {
      await session.refused(null);
      return state.get();
    }
    const user = (await call('me').catch((err: unknown) => {
      if (!endsSession(err)) throw err;
    })) as User | undefined;
    if (user && state.get().user?.id === user.id) session.rename(user);
    return state.get();
  };

  const call = async <O extends Operation>(operation: O, ...[input]: Arguments<O>): Promise<Output<O>> => {
    const route = routeOf(operation);
    const token = route.takesSession ? await session.token() : null;
    if (route.needsSession && mode === 'token' && !token) throw new AuthError({ code: 'unauthenticated', title: 'Nobody is signed in' });
    const device = route.takesDevice ? session.device() : undefined;
    const body = { ...(device && { deviceToken: device }), ...(input as object | undefined) };
    let result;
    try {
      result = await send(operation, body, token);
    } catch (err) {
      const again = route.takesSession && endsSession(err) && (await session.refused(token));
      if (!again || mode === 'cookie') throw err;
      result = await send(operation, body, await session.token());
    }
    if (route.givesGrant) await adopt(result as Grant);
    else if (operation === 'elevate' && result && state.get().user) session.keep(result as Grant, state.get().user!);
    else if (operation === 'changeName') await check().catch(() => {}); // the name is changed whatever this says
    else if (operation === 'signoutAll' || operation === 'deleteAccount') await session.end(false);
    return result as Output<O>;
  };

  const signedIn = async (grant: Promise<unknown>): Promise<User> => {
    const { id } = (await grant) as Grant;
    return state.get().user ?? { id };
  };

  const hosted = hostedPages(url);
  const client: Client = {
    url,
    graphql,
    mode,
    get state() {
      return state.get();
    },
    get user() {
      return state.get().user;
    },
    get ready() {
      return state.known();
    },
    onChange: state.listen,
    signUp: (input) => signedIn(call('signup', input)),
    signIn: (input) => signedIn(call('signin', input)),
    signOut: () => session.end(true),
    call,
    adopt,
    check,
    redirectToSignIn: hosted.begin,
    handleRedirect: async () => {
      const code = hosted.take();
      if (code) await call('exchange', code);
      return code !== null;
    },
    fetch: fetchWith({ http, session, state, origins: [url, graphql] }),
    token: () => session.token(),
  };
  session.start();
  return client;
};
