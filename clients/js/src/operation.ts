import type { operations } from './openapi.js';
import { routes } from './routes.js';

/** The calls that an app can make by name; refresh and signout are the session's own. */
export type Operation = Exclude<keyof typeof routes, 'refresh' | 'signout'>;

type Path<O> = O extends { parameters: { path: infer P } } ? P : unknown;
type Body<O> = O extends { requestBody: { content: { 'application/json': infer B } } } ? Omit<B, 'session'> : unknown;
type Success<R> = R extends Record<200, infer A> ? A : R extends Record<201, infer A> ? A : R extends Record<202, infer A> ? A : never;

/** What a call takes: the variable parts of its path and the members of its body. */
export type Input<O extends keyof operations> = Path<operations[O]> & Body<operations[O]>;

/** What a call answers. */
export type Output<O extends keyof operations> =
  Success<operations[O]['responses']> extends { content: { 'application/json': infer A } } ? A : void;

/** The arguments of a call: none, some that may all be left out, or one object. */
export type Arguments<O extends keyof operations> = unknown extends Input<O> ? [] : {} extends Input<O> ? [input?: Input<O>] : [input: Input<O>];

/** A route of the service. */
export interface Route {
  method: string;
  path: string;
  needsSession: boolean;
  takesSession: boolean;
  givesGrant: boolean;
  takesDevice: boolean;
}

export const routeOf = (operation: keyof typeof routes): Route => {
  const [method = '', path = '', flags = ''] = routes[operation].split(' ');
  return {
    method,
    path: `/auth/${path}`,
    needsSession: flags.includes('t'),
    takesSession: /[to]/.test(flags),
    givesGrant: flags.includes('g'),
    takesDevice: flags.includes('d'),
  };
};

/** The URL and options of fetch for a call. */
export const requestOf = (url: string, route: Route, input: Record<string, unknown>): [string, RequestInit] => {
  const body = { ...input };
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = body[name];
    delete body[name];
    return encodeURIComponent(String(value));
  });
  return [
    url + path,
    route.method === 'GET'
      ? { method: 'GET' }
      : { method: route.method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) },
  ];
};
