import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { onUserChange } from './change.js';
/** An Apollo client with the session. When the user changes, its cache is emptied and active queries are asked again. */
export const createApolloClient = (auth, { sockets, ...options } = {}) => {
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
        client.resetStore().catch(() => { }); // the queries themselves report their errors
    });
    return client;
};
//# sourceMappingURL=apollo.js.map