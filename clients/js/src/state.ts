import type { components } from './openapi.js';

type Profile = components['schemas']['Profile'];

/** The user that is signed in. Only the id is known for sure; the rest follows from /auth/me. */
export type User = Pick<Profile, 'id'> & Partial<Profile>;

/** Who is signed in. The object is a new one whenever something changes. */
export type State =
  | { readonly status: 'loading'; readonly user: null }
  | { readonly status: 'signed-in'; readonly user: User }
  | { readonly status: 'signed-out'; readonly user: null };

export type Listener = (state: State, before: State) => void;

export const stateOf = (user: User | null): State =>
  user ? { status: 'signed-in', user } : { status: 'signed-out', user: null };

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** A state with listeners. */
export const observable = (state: State) => {
  const listeners = new Set<Listener>();
  const listen = (listener: Listener) => {
    const own: Listener = (...args) => listener(...args); // the same function may listen twice
    listeners.add(own);
    return () => void listeners.delete(own);
  };
  return {
    get: () => state,
    listen,
    /** Resolves when it is known who is signed in. */
    known: async (): Promise<State> => {
      while (state.status === 'loading') {
        await new Promise<void>((resolve) => {
          const stop = listen(() => resolve(stop()));
        });
      }
      return state;
    },
    set: (next: State) => {
      if (same(state, next)) return;
      const before = state;
      state = next;
      for (const listener of [...listeners]) listener(next, before);
    },
  };
};
