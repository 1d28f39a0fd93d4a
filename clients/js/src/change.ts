import type { Client } from './client.js';

/**
 * Calls the listener when another user, or nobody, is signed in. Learning at the start who
 * it is counts as no change: until then no request is sent.
 */
export const onUserChange = (auth: Client, listener: () => void): (() => void) =>
  auth.onChange((now, before) => {
    if (before.status !== 'loading' && now.user?.id !== before.user?.id) listener();
  });
