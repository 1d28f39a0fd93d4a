import { ApolloClient } from '@apollo/client';
import type { Client as Sockets } from 'graphql-ws';
import type { Client } from './client.js';
export interface ApolloOptions extends Partial<ApolloClient.Options> {
    /** For subscriptions; see @hasura-login/client/graphql-ws. */
    sockets?: Sockets;
}
/** An Apollo client with the session. When the user changes, its cache is emptied and active queries are asked again. */
export declare const createApolloClient: (auth: Client, { sockets, ...options }?: ApolloOptions) => ApolloClient;
//# sourceMappingURL=apollo.d.ts.map