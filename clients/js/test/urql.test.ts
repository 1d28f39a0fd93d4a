import { gql } from '@urql/core';
import { expect, test } from 'vitest';
import type { Client } from '../src/client.js';
import { observable, stateOf } from '../src/state.js';
import { createUrqlClient } from '../src/urql.js';

const query = gql`
  {
    who
  }
`;

// As on a development server: urql then checks that no exchange calls forward twice.
test('every change of the user asks again, and shows none of the last one', async () => {
  const state = observable(stateOf({ id: 'ann' }));
  const auth = {
    graphql: 'http://localhost/v1/graphql',
    fetch: async () => Response.json({ data: { who: state.get().user?.id ?? 'nobody' } }),
    get user() {
      return state.get().user;
    },
    onChange: state.listen,
  } as unknown as Client;
  const urql = createUrqlClient(auth);
  const seen: unknown[] = [];
  const { unsubscribe } = urql.query(query, {}).subscribe(({ data }) => seen.push(data?.who ?? null));
  const until = async (who: string) => expect.poll(() => seen.at(-1)).toBe(who);
  await until('ann');
  for (const id of ['bob', 'eve', 'ann']) {
    state.set(stateOf({ id }));
    await until(id);
  }
  unsubscribe();
  expect(seen).toEqual(['ann', null, 'bob', null, 'eve', null, 'ann']);
});
