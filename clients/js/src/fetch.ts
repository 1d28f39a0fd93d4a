import { AuthError } from './error.js';
import { patiently, type Fetch } from './http.js';
import type { Session } from './session.js';
import type { observable } from './state.js';

interface Wiring {
  http: Fetch;
  session: Session;
  state: ReturnType<typeof observable>;
  /** Only these get the session. */
  origins: string[];
}

const base = () => globalThis.location?.href;

/** The codes of a GraphQL answer's errors. */
const codesOf = (text: string): unknown[] => {
  if (!text.includes('"errors"')) return [];
  try {
    return JSON.parse(text).errors?.map((err: any) => err.extensions?.code) ?? [];
  } catch {
    return [];
  }
};

/** fetch with the session. */
export const fetchWith = ({ http, session, state, origins }: Wiring): Fetch => {
  const own = origins.map((url) => new URL(url, base()).origin);

  return async (input, init) => {
    const target = new URL(input instanceof Request ? input.url : input, base());
    if (!own.includes(target.origin)) throw new TypeError(`The session is only for ${own.join(' and ')}`);
    const user = () => state.get().user?.id;

    const attempt = async (token: string | null) => {
      const request = new Request(input instanceof Request ? input.clone() : input, { ...init, credentials: session.credentials });
      if (token) request.headers.set('Authorization', `Bearer ${token}`);
      const asker = user();
      // 429 comes before anything has run; a 503 may come after.
      const res = await patiently(() => http(request.clone()), [429]);
      const json = /json/.test(res.headers.get('Content-Type') ?? '');
      const text = json ? await res.text() : '';
      // Without this, an answer that was under way could fill the next user's cache.
      if (asker && asker !== user()) throw new AuthError({ code: 'unauthenticated', title: 'The user has changed in the meantime' });
      return { res: json ? new Response(text || null, res) : res, codes: codesOf(text) };
    };

    await state.known();
    const token = await session.token();
    const { res, codes } = await attempt(token);
    // Hasura refuses a whole request for its token, and nothing of it has run.
    const refused = res.status === 401 || codes.includes('invalid-jwt');
    if (!user() || !(refused || codes.includes('unauthenticated'))) return res;
    if (!(await session.refused(token)) || !refused || !token) return res;
    return (await attempt(await session.token())).res;
  };
};
