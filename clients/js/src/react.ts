'use client';
import { createContext, createElement, Fragment, useContext, useSyncExternalStore, type ReactElement, type ReactNode } from 'react';
import type { Client } from './client.js';
import type { State } from './state.js';

const Context = createContext<Client | null>(null);

const useState = (auth: Client): State => useSyncExternalStore(auth.onChange, () => auth.state, () => auth.state);

export interface SessionProviderProps {
  auth: Client;
  children?: ReactNode;
}

/**
 * Gives its children the session. When the user changes, they start over, because what
 * components remember, results of hooks included, belongs to the user of before.
 */
export const SessionProvider = ({ auth, children }: SessionProviderProps): ReactElement => {
  const { user } = useState(auth);
  return createElement(Context.Provider, { value: auth }, createElement(Fragment, { key: user?.id ?? '' }, children));
};

/** Who is signed in, and the client to sign in and out with. */
export const useSession = (): State & { auth: Client } => {
  const auth = useContext(Context);
  if (!auth) throw new Error('useSession needs a SessionProvider around it');
  return { ...useState(auth), auth };
};
