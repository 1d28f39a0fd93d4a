import { beforeEach, expect, it } from 'vitest';
import { sessionFromRequest } from '../src/server.js';
import { problem } from './service.js';

const url = 'https://api.example.org';
let sent: Request[];
let answer: () => Response;

beforeEach(() => {
  sent = [];
  answer = () => new Response('{"id":"ann","name":"Ann"}', { headers: { 'Content-Type': 'application/json' } });
});

const fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
  sent.push(new Request(input, init));
  return answer();
};
const sessionOf = (headers: Record<string, string>, node = false) =>
  sessionFromRequest(node ? { headers } : new Request('https://app.example.org/', { headers }), { url, fetch });

it.each([
  ['a request', false, 'theme=dark; __Host-session=abc; other=1', '__Host-session=abc'],
  ["Node's request", true, 'theme=dark; __Host-session=abc', '__Host-session=abc'],
  ['a request in development', true, 'dev-session=abc', 'dev-session=abc'],
])('passes the session of %s on, and no other cookie', async (_, node, cookie, passed) => {
  const session = await sessionOf({ cookie, 'x-hasura-role': 'admin' }, node);
  expect(session?.user).toEqual({ id: 'ann', name: 'Ann' });
  await session!.fetch(`${url}/v1/graphql`, { method: 'POST', body: '{}' });
  expect(sent.map((request) => [request.headers.get('Cookie'), request.headers.get('Authorization'), request.headers.get('x-hasura-role')])).toEqual([
    [passed, null, null],
    [passed, null, null],
  ]);
});

it('passes a token on where there is no cookie', async () => {
  await sessionOf({ authorization: 'Bearer abc' });
  expect(sent[0]!.headers.get('Authorization')).toBe('Bearer abc');
});

it('asks nothing about a request without a session', async () => {
  expect(await sessionOf({ cookie: 'theme=dark; x__Host-session=abc', authorization: 'Basic abc' })).toBeNull();
  expect(sent).toEqual([]);
});

it('says that nobody is signed in when the session has ended, but not when the service is away', async () => {
  answer = () => problem(401, 'unauthenticated');
  expect(await sessionOf({ cookie: '__Host-session=abc' })).toBeNull();
  answer = () => problem(500, 'internal');
  await expect(sessionOf({ cookie: '__Host-session=abc' })).rejects.toMatchObject({ code: 'internal' });
});

it('gives the session to nobody else', async () => {
  const session = await sessionOf({ cookie: '__Host-session=abc' });
  await expect(session!.fetch('https://elsewhere.example/')).rejects.toBeInstanceOf(TypeError);
  expect(sent.length).toBe(1);
});
