export type Fetch = typeof globalThis.fetch;
/** Sends a request. If the answer has one of the statuses and says how long to wait, waits and sends it again. */
export declare const patiently: (request: () => Promise<Response>, statuses: number[]) => Promise<Response>;
/** What a call answered; a refusal is an AuthError. */
export declare const answer: (request: () => Promise<Response>) => Promise<unknown>;
//# sourceMappingURL=http.d.ts.map