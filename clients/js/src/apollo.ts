import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import type { Client as Sockets } from 'graphql-ws';
import { onUserChange } from './change.js';
import type { Client } from './client.js';

export interface ApolloOptions extends Partial<ApolloClient.Options> {
  /** For subscriptions; see @hasura-login/client/graphql-ws. */
  sockets?: Sockets;
}

/** An Apollo client with the session. When the user changes, its cache is emptied and active queries are asked again. */
export const createApolloClient = (auth: Client, { sockets, ...options }: ApolloOptions = {}): ApolloClient => {
  const http = new HttpLink({ uri: auth.graphql, fetch: auth.fetch });
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: sockets
      ? ApolloLink.split(({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION, new GraphQLWsLink(sockets), http)
      : http,
    ...options,
  });
  onUserChange(auth, () => {
    void client.cache.reset(); // at once: resetStore waits, and a page could render meanwhile
    client.resetStore().catch(() => {}); // the queries themselves report their errors
  });
  return client;
};
