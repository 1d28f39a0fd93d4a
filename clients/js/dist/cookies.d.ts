import { type Session } from './session.js';
import { type observable, type User } from './state.js';
interface Wiring {
    name: string;
    state: ReturnType<typeof observable>;
    me(): Promise<User>;
    signOut(): Promise<unknown>;
}
/** A session in a cookie that no script can read. */
export declare const cookieSession: ({ name, state, me, signOut }: Wiring) => Session;
export {};
//# sourceMappingURL=cookies.d.ts.map