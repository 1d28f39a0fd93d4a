// GraphiQL with a form to sign in. The session is in a cookie, which every request and
// WebSocket of this page carries by itself.
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';

const byId = (id) => document.getElementById(id);
const graphql = new URL('/v1/graphql', location.href);
const sockets = Object.assign(new URL(graphql), { protocol: graphql.protocol.replace('http', 'ws') });
const defaultQuery = `# The role of requests without a session is public.
# Sign up above, and run this as yourself.
# Headers, below, take x-hasura-role, and signed out
# x-hasura-admin-secret.
query {
  users {
    id
    email
    name
  }
}
`;

const root = createRoot(byId('graphiql'));

const call = async (path, body) => {
  const request = body && { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`/auth/${path}`, request);
  return { ok: response.ok, answer: await response.json().catch(() => ({})) };
};

// Each session has a fetcher of its own, and so its role's schema and new sockets.
const show = (user) => {
  byId('who').textContent = user ? `Role user, ${user.email}` : 'Role public';
  byId('session').toggleAttribute('data-signed-in', Boolean(user));
  byId('password').value = '';
  const fetcher = createGraphiQLFetcher({ url: graphql.href, subscriptionUrl: sockets.href });
  root.render(createElement(GraphiQL, { key: user?.id ?? 'public', fetcher, defaultQuery, shouldPersistHeaders: false }));
};

const refresh = async () => {
  const { ok, answer } = await call('me');
  if (!ok) await call('signout', { session: 'cookie' }); // takes the cookie of a session that is over
  show(ok ? answer : null);
};

const enter = async (path, name) => {
  const email = byId('email').value;
  const { ok, answer } = await call(path, { email, password: byId('password').value, session: 'cookie', ...name(email) });
  byId('problem').textContent = ok ? '' : (answer.detail ?? answer.message ?? answer.code ?? 'That did not work.');
  if (ok) await refresh();
};

byId('session').addEventListener('submit', (event) => {
  event.preventDefault();
  enter('signin', () => ({}));
});
byId('signup').addEventListener('click', () => enter('signup', (email) => ({ name: email.split('@')[0] })));
byId('signout').addEventListener('click', async () => {
  await call('signout', {});
  show(null);
});

await refresh();
