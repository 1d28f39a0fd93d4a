import { type Client as Sockets, type ClientOptions } from 'graphql-ws';
import type { Client } from './client.js';
/**
 * A graphql-ws client with the session. Its subscriptions go on over a token's end and a
 * restart of the service, and nothing of one user's connection reaches the next user.
 */
export declare const createSockets: (auth: Client, options?: Partial<ClientOptions>) => Sockets;
//# sourceMappingURL=graphql-ws.d.ts.map