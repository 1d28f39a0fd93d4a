import { AuthError } from './error.js';

export type Fetch = typeof globalThis.fetch;

/** Beyond this many seconds a caller gets the refusal and decides for itself. */
const patience = 30;

const sleep = (seconds: number) => new Promise((wake) => setTimeout(wake, seconds * 1000));

/** Sends a request. If the answer has one of the statuses and says how long to wait, waits and sends it again. */
export const patiently = async (request: () => Promise<Response>, statuses: number[]): Promise<Response> => {
  for (let waited = 0; ; ) {
    const res = await request();
    // A header that a page cannot read counts as absent.
    const seconds = Number(res.headers.get('Retry-After'));
    if (!statuses.includes(res.status) || !(seconds > 0) || waited + seconds > patience) return res;
    waited += seconds;
    // The jitter keeps many tabs from coming back together.
    await sleep(seconds + Math.random() / 2);
  }
};

/** What a call answered; a refusal is an AuthError. */
export const answer = async (request: () => Promise<Response>): Promise<unknown> => {
  let res: Response;
  let text: string;
  try {
    res = await request();
    text = await res.text();
  } catch (err) {
    throw new AuthError({ code: 'unavailable', title: 'The service cannot be reached' }, err);
  }
  const json = /json/.test(res.headers.get('Content-Type') ?? '');
  let body: any;
  try {
    body = text && json ? JSON.parse(text) : undefined;
  } catch {
    // The same as an answer that is no JSON.
  }
  if (res.ok) return body;
  if (body?.code) throw new AuthError({ retryAfter: Number(res.headers.get('Retry-After')) || undefined, ...body, status: res.status });
  throw new AuthError({
    code: res.status < 500 ? 'internal' : 'unavailable',
    title: `Unexpected answer with status ${res.status}`,
    status: res.status,
  });
};
