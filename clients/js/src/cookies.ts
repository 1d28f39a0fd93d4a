import { endsSession } from './error.js';
import { channel, type Session } from './session.js';
import { stateOf, type observable, type User } from './state.js';

interface Wiring {
  name: string;
  state: ReturnType<typeof observable>;
  me(): Promise<User>;
  signOut(): Promise<unknown>;
}

/** A session in a cookie that no script can read. */
export const cookieSession = ({ name, state, me, signOut }: Wiring): Session => {
  const tabs = channel(name);
  let changes = 0;

  const set = (user: User | null, tell = true) => {
    changes++;
    state.set(stateOf(user));
    if (tell) tabs?.postMessage({ user });
  };

  // Asks the service who the cookie is. A sign-in or sign-out in the meantime knows better.
  const ask = async () => {
    const before = changes;
    const user = await me().catch((err: unknown) => {
      if (endsSession(err)) return null;
      throw err;
    });
    if (changes === before) set(user, state.get().status !== 'loading');
  };

  const begin = async () => {
    for (let seconds = 1; state.get().status === 'loading'; seconds = Math.min(2 * seconds, 30)) {
      await ask().catch(() => new Promise((wake) => setTimeout(wake, seconds * 1000)));
    }
  };

  return {
    wish: { session: 'cookie' },
    credentials: 'include',
    token: async () => null,
    start: () => {
      tabs?.addEventListener('message', ({ data }) => set(data.user, false));
      if (typeof document !== 'undefined') void begin();
    },
    refused: async () => {
      const before = state.get().user?.id;
      await ask();
      return state.get().user !== null && state.get().user?.id === before;
    },
    device: () => undefined,
    keep: (_, user) => set(user),
    rename: (user) => set(user),
    end: async (atService) => {
      if (atService) await signOut();
      set(null);
    },
  };
};
