import { Client as UrqlClient, cacheExchange, composeExchanges, fetchExchange, makeErrorResult, subscriptionExchange, } from '@urql/core';
import { filter, fromValue, makeSubject, merge, pipe, publish, share, switchMap, tap } from 'wonka';
import { onUserChange } from './change.js';
import { AuthError } from './error.js';
/**
 * An exchange around others that belong to one user, such as a cache. When the user
 * changes, all of them are made anew; what a page shows is emptied and asked for again.
 */
export const sessionExchange = (auth, make) => (input) => (operations) => {
    const active = new Map();
    const again = makeSubject();
    const emptied = makeSubject();
    const restarts = makeSubject();
    const all = pipe(merge([operations, again.source]), tap((operation) => {
        if (operation.kind === 'teardown')
            active.delete(operation.key);
        else
            active.set(operation.key, operation);
    }), share);
    publish(all); // otherwise it would end between two users
    const results = pipe(merge([fromValue(undefined), restarts.source]), switchMap(() => composeExchanges(make())(input)(all)), filter(({ operation }) => active.has(operation.key)), tap(({ operation }) => operation.kind === 'mutation' && active.delete(operation.key)));
    onUserChange(auth, () => {
        restarts.next();
        for (const operation of [...active.values()]) {
            if (operation.kind === 'mutation') {
                active.delete(operation.key);
                emptied.next(makeErrorResult(operation, new AuthError({ code: 'unauthenticated', title: 'The user has changed in the meantime' })));
            }
            else {
                emptied.next({ operation, data: null, stale: false, hasNext: true });
                again.next(operation);
            }
        }
    });
    return merge([results, emptied.source]);
};
/** A urql client with the session. */
export const createUrqlClient = (auth, { makeExchanges = () => [cacheExchange], sockets, ...options } = {}) => new UrqlClient({
    url: auth.graphql,
    fetch: auth.fetch,
    preferGetMethod: false, // Hasura answers no query over GET
    exchanges: [
        sessionExchange(auth, () => [
            ...makeExchanges(),
            fetchExchange,
            ...(sockets
                ? [
                    subscriptionExchange({
                        forwardSubscription: ({ query = '', variables }) => ({
                            subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables: variables }, sink) }),
                        }),
                    }),
                ]
                : []),
        ]),
    ],
    ...options,
});
//# sourceMappingURL=urql.js.map