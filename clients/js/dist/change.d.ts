import type { Client } from './client.js';
/**
 * Calls the listener when another user, or nobody, is signed in. Learning at the start who
 * it is counts as no change: until then no request is sent.
 */
export declare const onUserChange: (auth: Client, listener: () => void) => (() => void);
//# sourceMappingURL=change.d.ts.map