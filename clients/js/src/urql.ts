import {
  Client as UrqlClient,
  cacheExchange,
  composeExchanges,
  fetchExchange,
  makeErrorResult,
  subscriptionExchange,
  type ClientOptions,
  type Exchange,
  type Operation,
  type OperationResult,
} from '@urql/core';
import { filter, fromValue, makeSubject, merge, pipe, publish, share, switchMap, tap, type Source } from 'wonka';
import { onUserChange } from './change.js';
import type { Client } from './client.js';
import { AuthError } from './error.js';

/**
 * An exchange around others that belong to one user, such as a cache. When the user
 * changes, all of them are made anew; what a page shows is emptied and asked for again.
 */
export const sessionExchange =
  (auth: Client, make: () => Exchange[]): Exchange =>
  ({ client, forward, dispatchDebug }) =>
  (operations) => {
    const active = new Map<number, Operation>();
    const again = makeSubject<Operation>();
    const emptied = makeSubject<OperationResult>();
    const restarts = makeSubject<void>();

    const all = pipe(
      merge([operations, again.source]),
      tap((operation) => {
        if (operation.kind === 'teardown') active.delete(operation.key);
        else active.set(operation.key, operation);
      }),
      share,
    );
    publish(all); // otherwise it would end between two users
    // urql lets an exchange call forward only once, so the exchanges of every user share it.
    const forwarded = makeSubject<Operation>();
    const answers = pipe(forward(forwarded.source), share);
    publish(answers);
    const shared = (operations: Source<Operation>) => merge([answers, pipe(operations, tap(forwarded.next), filter((_): _ is never => false))]);
    const results = pipe(
      merge([fromValue(undefined), restarts.source]),
      switchMap(() => composeExchanges(make())({ client, forward: shared, dispatchDebug })(all)),
      filter(({ operation }) => active.has(operation.key)),
      tap(({ operation }) => operation.kind === 'mutation' && active.delete(operation.key)),
    );

    onUserChange(auth, () => {
      restarts.next();
      for (const operation of [...active.values()]) {
        if (operation.kind === 'mutation') {
          active.delete(operation.key);
          emptied.next(makeErrorResult(operation, new AuthError({ code: 'unauthenticated', title: 'The user has changed in the meantime' })));
        } else {
          emptied.next({ operation, data: null, stale: false, hasNext: true });
          again.next(operation);
        }
      }
    });
    return merge([results, emptied.source]);
  };

/** What is needed of a graphql-ws client. */
interface Sockets {
  subscribe(payload: { query: string; variables?: Record<string, unknown> }, sink: any): () => void;
}

export interface UrqlOptions extends Partial<ClientOptions> {
  /** What comes before the network, made anew for each user; urql's document cache if left out. */
  makeExchanges?: () => Exchange[];
  /** For subscriptions; see @hasura-login/client/graphql-ws. */
  sockets?: Sockets;
}

/** A urql client with the session. */
export const createUrqlClient = (auth: Client, { makeExchanges = () => [cacheExchange], sockets, ...options }: UrqlOptions = {}): UrqlClient =>
  new UrqlClient({
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
                  subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables: variables as Record<string, unknown> }, sink) }),
                }),
              }),
            ]
          : []),
      ]),
    ],
    ...options,
  });
