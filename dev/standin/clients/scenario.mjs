// Runs the snippets of docs/frontend.md against a service. The names of its
// checks are what it prints; the first that fails ends it.
import assert from 'node:assert/strict';
import { gql } from '@apollo/client';
import { buildClientSchema, getIntrospectionQuery } from 'graphql';
import { WebSocket } from 'ws';
import { rest } from './rest.js';
import { overGraphQL } from './graphql.js';
import { Session } from './session.js';
import { sockets } from './subscriptions.js';
import { urql } from './urql.js';
import { apollo } from './apollo.js';

const [api, graphql] = process.argv.slice(2);
const ws = graphql.replace('http', 'ws');
const password = 'correct horse staple';

class Store extends Map {
  getItem = (key) => this.get(key) ?? null;
  setItem = (key, value) => this.set(key, value);
  removeItem = (key) => this.delete(key);
}

const check = async (name, work) => {
  try {
    await work();
    console.log(`ok ${name}`);
  } catch (err) {
    console.error(`not ok ${name}\n`, err);
    process.exit(1);
  }
};

const post = async (token, query, variables) => {
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
  const res = await fetch(graphql, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return res.json();
};

const until = async (holds, what) => {
  for (const end = Date.now() + 60_000; !(await holds()); await new Promise((r) => setTimeout(r, 50))) {
    assert.ok(Date.now() < end, `in vain: ${what}`);
  }
};

const users = 'subscription { users { name } }';
const rename = (client, name) =>
  client.mutation('mutation ($name: String!) { update_users(where: {}, _set: {name: $name}) { affected_rows } }', { name }).toPromise();

const annStore = new Store();
const ann = new Session(rest(api), annStore);
const bob = new Session(overGraphQL(graphql), new Store());
let expired;

await check('sign up over REST, sign in over GraphQL, wrong password refused in both', async () => {
  await ann.signUp('ann@example.org', 'Ann', password);
  expired = ann.fresh ?? (await ann.accessToken());
  await bob.signUp('bob@example.org', 'Bob', password);
  await bob.signIn('bob@example.org', password);
  for (const session of [ann, bob]) {
    await assert.rejects(session.signIn('ann@example.org', 'wrong horse staple'), { code: 'invalid-credentials' });
  }
});

let reconnects = 0;
const closings = [];
const annSockets = sockets(ws, ann, {
  webSocketImpl: WebSocket,
  on: { closed: (event) => closings.push(event.code), connected: () => reconnects++ },
});
const annUrql = urql(graphql, ann, annSockets);
const bobUrql = urql(graphql, bob, sockets(ws, bob, { webSocketImpl: WebSocket }));

await check('urql: the own row alone', async () => {
  for (const [client, name] of [[annUrql, 'Ann'], [bobUrql, 'Bob']]) {
    const { data, error } = await client.query('{ users { name } }', {}).toPromise();
    assert.ifError(error);
    assert.deepEqual(data.users.map((u) => u.name), [name]);
  }
});

const seen = [];
await check('graphql-ws: the own row changes, another one does not show', async () => {
  annSockets.subscribe({ query: users }, { next: ({ data }) => seen.push(data.users[0].name), error: console.error, complete() {} });
  await until(() => seen.at(-1) === 'Ann', 'the first result');
  await rename(bobUrql, 'Robert');
  await rename(annUrql, 'Anna');
  await until(() => seen.at(-1) === 'Anna', 'the change');
  assert.ok(seen.every((name) => name === 'Ann' || name === 'Anna'), seen.join());
});

await check('urql: a subscription', async () => {
  const names = [];
  const { unsubscribe } = bobUrql.subscription(users, {}).subscribe(({ data }) => data && names.push(data.users[0].name));
  await until(() => names.at(-1) === 'Robert', 'the first result');
  await rename(bobUrql, 'Bob');
  await until(() => names.at(-1) === 'Bob', 'the change');
  unsubscribe();
});

await check('Apollo: query and subscription', async () => {
  const client = apollo(graphql, ann, annSockets);
  const { data } = await client.query({ query: gql`{ users { name email } }` });
  assert.deepEqual(data.users.map((u) => u.email), ['ann@example.org']);
  const names = [];
  const running = client.subscribe({ query: gql(users) }).subscribe(({ data }) => names.push(data.users[0].name));
  await until(() => names.at(-1) === 'Anna', 'the first result');
  running.unsubscribe();
});

await check('the connection is lost at the token\'s end, and comes back with a new token', async () => {
  await until(() => closings.includes(1006) && reconnects > 1, 'the end of the connection');
  await rename(annUrql, 'Annie');
  await until(() => seen.at(-1) === 'Annie', 'the change after the renewal');
});

await check('an expired token spoils even a public action; without the header it works', async () => {
  await until(async () => (await post(expired, '{ users { name } }')).errors, 'the end of the token');
  const { refreshToken } = JSON.parse(annStore.get('grant'));
  const mutation = 'mutation ($t: String!) { refresh(refreshToken: $t) { id } }';
  const refused = await post(expired, mutation, { t: refreshToken });
  assert.equal(refused.errors[0].extensions.code, 'invalid-jwt');
  assert.ok(await ann.accessToken());
});

await check('eight tabs refresh at once and all keep one and the same session', async () => {
  const grant = JSON.parse(annStore.get('grant'));
  annStore.set('grant', JSON.stringify({ ...grant, freshUntil: 0 }));
  const stores = Array.from({ length: 8 }, () => new Store(annStore));
  const tokens = await Promise.all(stores.map((store) => new Session(rest(api), store).accessToken()));
  assert.ok(tokens.every(Boolean));
  const successors = new Set(stores.map((store) => JSON.parse(store.get('grant')).refreshToken));
  assert.equal(successors.size, 1);
  annStore.set('grant', stores[0].get('grant'));
});

await check('forged headers of connection_init gain nothing', async () => {
  const forged = sockets(ws, ann, {
    webSocketImpl: WebSocket,
    shouldRetry: () => false,
    connectionParams: async () => ({ headers: { Authorization: `Bearer ${await ann.accessToken()}`, 'x-hasura-role': 'admin' } }),
  });
  const refused = new Promise((resolve, reject) => {
    forged.subscribe({ query: users }, { next: () => reject(new Error('served')), error: resolve, complete: reject });
  });
  assert.equal((await refused).code, 4403);
});

await check('graphql-js builds a schema from the introspection', async () => {
  const { data } = await post(await bob.accessToken(), getIntrospectionQuery());
  const schema = buildClientSchema(data);
  assert.deepEqual(Object.keys(schema.getQueryType().getFields()).sort(), ['identities', 'passkeys', 'sessions', 'signin', 'users', 'users_by_pk']);
});

await check('sign out: the refresh token is dead', async () => {
  const copy = new Session(rest(api), new Store(annStore));
  await ann.signOut();
  assert.equal(await ann.accessToken(), null);
  await until(() => copy.fresh === null, 'the copy\'s token to age');
  assert.equal(await copy.accessToken(), null);
});
process.exit(0);
