import { AuthError, endsSession } from './error.js';
import { channel, type Grant, type Session } from './session.js';
import { stateOf, type observable, type User } from './state.js';
import type { SessionStorage } from './storage.js';

/** What a tab stores for all tabs. */
interface Kept {
  token: string;
  refreshToken: string;
  /** When the token came, by this device's clock, and how long it is good, in milliseconds. */
  since: number;
  life: number;
  /** Names this sign-in, over all its refreshes. */
  tag: string;
  user: User;
}

interface Wiring {
  name: string;
  storage: SessionStorage;
  state: ReturnType<typeof observable>;
  refresh(refreshToken: string): Promise<Grant>;
  signOut(refreshToken: string): Promise<unknown>;
}

// The device's clock may be wrong, so only the difference of the token's own times
// counts. iat is a minute early.
const lifeOf = (token: string): number => {
  const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
  const { exp, iat } = JSON.parse(atob(payload));
  return (exp - iat - 60) * 1000;
};

/** How long a token is used yet, in milliseconds; nothing if the clock was set back. */
const left = ({ since, life }: Kept): number => (Date.now() < since ? 0 : since + life - Date.now());

const fresh = (kept: Kept): boolean => left(kept) > Math.min(30_000, kept.life / 3);

// The tag names a sign-in among the tabs of one browser; it is no secret.
const newTag = () => Math.random().toString(36).slice(2) + Date.now().toString(36);

/** Access and refresh tokens in a storage that all tabs share. */
export const tokenSession = ({ name, storage, state, refresh, signOut }: Wiring): Session => {
  const tabs = channel(name);
  // Sign-ins that are over. A refresh that was under way in another tab may write its
  // tokens after the sign-out removed them; every tab removes them again.
  const ended = new Set<string>();
  let running: Promise<string | null> | undefined;

  const write = (kept: Kept) => {
    storage.setItem(name, JSON.stringify(kept));
    state.set(stateOf(kept.user));
    tabs?.postMessage({});
  };

  // The storage is what counts: the state follows it at every look.
  const read = (): Kept | null => {
    let kept: Kept | null = null;
    try {
      kept = JSON.parse(storage.getItem(name) ?? 'null');
    } catch {
      // Not ours.
    }
    if (kept && ended.has(kept.tag)) {
      storage.removeItem(name);
      kept = null;
    }
    state.set(stateOf(kept && kept.user));
    return kept;
  };

  const endHere = (tag: string | undefined) => {
    if (tag) ended.add(tag);
    storage.removeItem(name);
    state.set(stateOf(null));
    tabs?.postMessage({ ended: tag });
  };

  const renew = async (refused: string | undefined): Promise<string | null> => {
    const kept = read();
    if (!kept) return null;
    if (kept.token !== refused && fresh(kept)) return kept.token; // another tab was here
    let grant: Grant;
    try {
      grant = await refresh(kept.refreshToken);
    } catch (err) {
      const now = read();
      if (now && now.refreshToken !== kept.refreshToken) return now.token;
      if (now && endsSession(err)) endHere(now.tag);
      if (!now || endsSession(err)) return null;
      if (kept.token !== refused && left(kept) > 0) return kept.token; // it is good for a moment yet
      throw err;
    }
    const now = read();
    if (now?.refreshToken === kept.refreshToken) {
      write({ ...kept, token: grant.token, refreshToken: grant.refreshToken, since: Date.now(), life: lifeOf(grant.token) });
      return grant.token;
    }
    // Somebody signed out meanwhile: that wins, here and at the service.
    if (now?.tag !== kept.tag) await signOut(grant.refreshToken).catch(() => {});
    return now && now.token;
  };

  const locked = (work: () => Promise<string | null>): Promise<string | null> =>
    globalThis.navigator?.locks ? (navigator.locks.request(name, work) as Promise<unknown> as Promise<string | null>) : work();

  const token = async (refused?: string): Promise<string | null> => {
    const kept = read();
    if (!kept || (kept.token !== refused && fresh(kept))) return kept && kept.token;
    running ??= locked(() => renew(refused)).finally(() => (running = undefined));
    return running;
  };

  return {
    wish: {},
    credentials: 'omit',
    token,
    start: () => {
      read();
      tabs?.addEventListener('message', ({ data }) => {
        if (data.ended) ended.add(data.ended);
        read();
      });
      // The message may arrive before the storage has what it is about.
      globalThis.window?.addEventListener?.('storage', (event) => event.key === name && read());
    },
    refused: async (old) => {
      const now = old && (await token(old));
      return now !== null && now !== old;
    },
    device: () => storage.getItem(`${name} device`) ?? undefined,
    keep: (grant, user) => {
      const kept = read();
      const { token, refreshToken = kept?.refreshToken, deviceToken } = grant;
      if (!token || !refreshToken) throw new AuthError({ code: 'invalid-input', title: 'A grant of token mode has an access token and a refresh token' });
      if (deviceToken) storage.setItem(`${name} device`, deviceToken);
      const tag = (!grant.refreshToken && kept?.tag) || newTag();
      write({ token, refreshToken, since: Date.now(), life: lifeOf(token), tag, user });
      // Another user's session would live on with nobody to end it.
      if (kept && kept.user.id !== user.id) void signOut(kept.refreshToken).catch(() => {});
    },
    rename: (user) => {
      const kept = read();
      if (kept?.user.id === user.id) write({ ...kept, user });
    },
    end: async (atService) => {
      const kept = read();
      endHere(kept?.tag);
      if (kept && atService) await signOut(kept.refreshToken).catch(() => {});
    },
  };
};
