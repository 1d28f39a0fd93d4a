import { createClient, type Client as Sockets, type ClientOptions } from 'graphql-ws';
import { onUserChange } from './change.js';
import type { Client } from './client.js';

const sleep = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

const signedIn = (auth: Client) =>
  new Promise<void>((resolve) => {
    const stop = auth.onChange(() => look());
    const look = () => auth.user && resolve(stop());
    look();
  });

/**
 * A graphql-ws client with the session. Its subscriptions go on over a token's end and a
 * restart of the service, and nothing of one user's connection reaches the next user.
 */
export const createSockets = (auth: Client, options: Partial<ClientOptions> = {}): Sockets => {
  let socket: WebSocket | undefined;
  let connected = false;
  let checked: Promise<unknown> = Promise.resolve();

  const sockets = createClient({
    // While nobody is signed in, subscriptions wait: Hasura would refuse them, which ends them.
    url: async () => {
      await signedIn(auth);
      return auth.graphql.replace(/^http/, 'ws');
    },
    // Asked again for every connection, so each begins with a good token.
    connectionParams: async () => {
      const token = await auth.token();
      return token ? { headers: { Authorization: `Bearer ${token}` } } : {};
    },
    retryAttempts: Infinity,
    shouldRetry: () => true,
    // The first time soon, because a token's end closes every connection.
    retryWait: async (retries) => {
      await sleep(Math.random() * 500 + (retries && Math.min(1000 * 2 ** retries, 30_000)));
      await checked;
    },
    ...options,
  });
  sockets.on('opened', (opened) => (socket = opened as WebSocket));
  sockets.on('connected', () => (connected = true));
  sockets.on('closed', () => {
    // Refused before it began: perhaps the session has ended, or the token looked better than it was.
    if (!connected && auth.user) checked = auth.check().catch(() => {});
    connected = false;
  });
  onUserChange(auth, () => {
    if (socket) socket.onmessage = null;
    sockets.terminate();
  });
  return sockets;
};
