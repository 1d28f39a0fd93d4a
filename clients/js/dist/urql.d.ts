import { Client as UrqlClient, type ClientOptions, type Exchange } from '@urql/core';
import type { Client } from './client.js';
/**
 * An exchange around others that belong to one user, such as a cache. When the user
 * changes, all of them are made anew; what a page shows is emptied and asked for again.
 */
export declare const sessionExchange: (auth: Client, make: () => Exchange[]) => Exchange;
/** What is needed of a graphql-ws client. */
interface Sockets {
    subscribe(payload: {
        query: string;
        variables?: Record<string, unknown>;
    }, sink: any): () => void;
}
export interface UrqlOptions extends Partial<ClientOptions> {
    /** What comes before the network, made anew for each user; urql's document cache if left out. */
    makeExchanges?: () => Exchange[];
    /** For subscriptions; see @hasura-login/client/graphql-ws. */
    sockets?: Sockets;
}
/** A urql client with the session. */
export declare const createUrqlClient: (auth: Client, { makeExchanges, sockets, ...options }?: UrqlOptions) => UrqlClient;
export {};
//# sourceMappingURL=urql.d.ts.map