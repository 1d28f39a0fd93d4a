// A page with everything at once: urql and Apollo, with React and without, queries and
// subscriptions. It notes whatever it gets to see, and who was signed in just then.
import { gql, type TypedDocumentNode } from '@apollo/client';
import { ApolloProvider, useQuery as useApolloQuery, useSubscription as useApolloSubscription } from '@apollo/client/react';
import { buildClientSchema, getIntrospectionQuery } from 'graphql';
import { createClient as createSocketsOnly } from 'graphql-ws';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider, useQuery, useSubscription } from 'urql';
import { createClient } from '@hasura-login/client';
import { createApolloClient } from '@hasura-login/client/apollo';
import { createSockets } from '@hasura-login/client/graphql-ws';
import { SessionProvider, useSession } from '@hasura-login/client/react';
import { createUrqlClient } from '@hasura-login/client/urql';

const params = new URLSearchParams(location.search);
const auth = createClient({ url: params.get('api')!, mode: params.get('mode') as 'token' | 'cookie' });
const opened: number[] = [];
const sockets = createSockets(auth, { on: { connected: () => opened.push(Date.now()) } });
const urql = createUrqlClient(auth, { sockets });
const apollo = createApolloClient(auth, { sockets });

interface Data {
  users: { id: string; name: string }[];
}
const query = '{ users { id name } }';
const subscription = 'subscription { users { id name } }';
const queryDocument: TypedDocumentNode<Data> = gql(query);
const subscriptionDocument: TypedDocumentNode<Data> = gql(subscription);

/** What each part shows now, and every moment in which one showed somebody else's row. */
const shown: Record<string, string> = {};
const leaks: string[] = [];
const see = (where: string, data: Data | null | undefined) => {
  const rows = data?.users ?? [];
  shown[where] = rows.map((row) => row.name).join();
  for (const row of rows) {
    if (row.id !== auth.user?.id) leaks.push(`${where}: ${row.name}, while ${auth.user?.name ?? 'nobody'} is signed in`);
  }
  return <li>{`${where}: ${shown[where]}`}</li>;
};

const UrqlQuery = () => see('urql query, React', useQuery<Data>({ query })[0].data);
const UrqlSubscription = () => see('urql subscription, React', useSubscription<Data>({ query: subscription })[0].data);
const ApolloQuery = () => see('Apollo query, React', useApolloQuery(queryDocument).data);
const ApolloSubscription = () => see('Apollo subscription, React', useApolloSubscription(subscriptionDocument).data);

const Page = () => {
  const { status, user } = useSession();
  const [draft, setDraft] = useState('');
  return (
    <main>
      <p id="who">{status === 'signed-in' ? `signed in: ${user.name}` : status}</p>
      <input id="draft" value={draft} onChange={(event) => setDraft(event.target.value)} />
      {status === 'signed-in' && !bare && (
        <ul>
          <UrqlQuery />
          <UrqlSubscription />
          <ApolloQuery />
          <ApolloSubscription />
        </ul>
      )}
    </main>
  );
};

// Only a session: for tests that open many tabs.
const bare = params.get('parts') === 'none';

if (!bare) {
  urql.query<Data>(query, {}).subscribe(({ data }) => see('urql query', data));
  urql.subscription<Data>(subscription, {}).subscribe(({ data }) => see('urql subscription', data));
  apollo.watchQuery({ query: queryDocument }).subscribe(({ data }) => see('Apollo query', data as Data | undefined));
  apollo.subscribe({ query: subscriptionDocument }).subscribe(({ data }) => see('Apollo subscription', data));
}

createRoot(document.getElementById('root')!).render(
  <SessionProvider auth={auth}>
    <Provider value={urql}>
      <ApolloProvider client={apollo}>
        <Page />
      </ApolloProvider>
    </Provider>
  </SessionProvider>,
);

const rename = async (name: string) => {
  const query = 'mutation ($name: String!) { update_users(where: {}, _set: {name: $name}) { affected_rows } }';
  const { error } = await urql.mutation(query, { name }).toPromise();
  return error ? String(error) : 'ok';
};

/** The names in the user's schema, as graphql-js reads the introspection. */
const schema = async () => {
  const { data } = await urql.query(getIntrospectionQuery(), {}).toPromise();
  return Object.keys(buildClientSchema(data).getQueryType()!.getFields());
};

/** How a connection ends that asks for another role by a header. */
const forged = async () => {
  const headers = { Authorization: `Bearer ${await auth.token()}`, 'x-hasura-role': 'admin' };
  const client = createSocketsOnly({ url: auth.graphql.replace('http', 'ws'), connectionParams: { headers }, retryAttempts: 0 });
  return new Promise((resolve) => client.subscribe({ query: subscription }, { next: () => resolve('served'), error: (err) => resolve((err as CloseEvent).code), complete() {} }));
};

Object.assign(window, { auth, shown, leaks, opened, rename, schema, forged });
