import { endsSession } from './error.js';
import { answer, patiently, type Fetch } from './http.js';
import type { User } from './state.js';

export interface ServerOptions {
  /** Where the service is, as the server reaches it. */
  url: string;
  /** Where GraphQL is answered; `url` with /v1/graphql if left out. */
  graphql?: string;
  fetch?: Fetch;
}

/** A request of the Fetch API, or of Node. */
export interface IncomingRequest {
  headers: Headers | Record<string, string | string[] | undefined>;
}

export interface ServerSession {
  readonly user: User;
  /** fetch as the user, for GraphQL and for the service. */
  readonly fetch: Fetch;
}

const header = ({ headers }: IncomingRequest, name: string): string => {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  return Array.isArray(value) ? value.join('; ') : (value ?? '');
};

/** What tells the service who asks: the session's cookie and no other, or else the token. */
const credentialsOf = (request: IncomingRequest): Record<string, string> | null => {
  const cookies = header(request, 'cookie').split(/; */);
  const cookie = ['__Host-session', 'dev-session'].flatMap((name) => cookies.filter((c) => c.startsWith(`${name}=`)))[0];
  if (cookie) return { Cookie: cookie };
  const authorization = header(request, 'authorization');
  return /^Bearer /i.test(authorization) ? { Authorization: authorization } : null;
};

/** The session of a request that a server answers; null: nobody is signed in. */
export const sessionFromRequest = async (request: IncomingRequest, options: ServerOptions): Promise<ServerSession | null> => {
  const credentials = credentialsOf(request);
  if (!credentials) return null;
  const http = options.fetch ?? globalThis.fetch;
  const url = options.url.replace(/\/+$/, '');
  const origins = [url, options.graphql ?? url].map((allowed) => new URL(allowed).origin);

  const asUser: Fetch = async (input, init) => {
    const outgoing = new Request(input, init);
    const { origin } = new URL(outgoing.url);
    if (!origins.includes(origin)) throw new TypeError(`The session is only for ${origins.join(' and ')}`);
    for (const [name, value] of Object.entries(credentials)) outgoing.headers.set(name, value);
    return http(outgoing);
  };
  try {
    const user = (await answer(() => patiently(() => asUser(`${url}/auth/me`), [429, 503]))) as User;
    return { user, fetch: asUser };
  } catch (err) {
    if (endsSession(err)) return null;
    throw err;
  }
};
