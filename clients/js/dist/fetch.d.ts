import { type Fetch } from './http.js';
import type { Session } from './session.js';
import type { observable } from './state.js';
interface Wiring {
    http: Fetch;
    session: Session;
    state: ReturnType<typeof observable>;
    /** Only these get the session. */
    origins: string[];
}
/** fetch with the session. */
export declare const fetchWith: ({ http, session, state, origins }: Wiring) => Fetch;
export {};
//# sourceMappingURL=fetch.d.ts.map