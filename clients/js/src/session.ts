import type { components } from './openapi.js';
import type { User } from './state.js';

export type Grant = components['schemas']['Grant'];

/** What the two modes do differently. */
export interface Session {
  /** Members that this mode adds to a call that gives a grant. */
  readonly wish: Record<string, unknown>;
  readonly credentials: RequestCredentials;
  /** Begins to look after the session: asks who is signed in, listens to other tabs. */
  start(): void;
  /** A good access token, or null: nobody is signed in, or the cookie speaks for them. */
  token(refused?: string): Promise<string | null>;
  /** Takes note that the service refused the session, and tells whether to try again. */
  refused(token: string | null): Promise<boolean>;
  /** The device token for a sign-in. */
  device(): string | undefined;
  /** Takes a grant, or the new access token of an elevation. */
  keep(grant: Partial<Grant>, user: User): void;
  /** Takes a newer profile of the same user. */
  rename(user: User): void;
  /** Ends the session here; with a call, at the service too. */
  end(atService: boolean): Promise<void>;
}

/** Tells the other tabs. On a server there are none: there, other clients may be other users'. */
export const channel = (name: string): BroadcastChannel | undefined =>
  typeof document === 'undefined' || typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(name);
