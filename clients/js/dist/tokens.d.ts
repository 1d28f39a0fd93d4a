import { type Grant, type Session } from './session.js';
import { type observable } from './state.js';
import type { SessionStorage } from './storage.js';
interface Wiring {
    name: string;
    storage: SessionStorage;
    state: ReturnType<typeof observable>;
    refresh(refreshToken: string): Promise<Grant>;
    signOut(refreshToken: string): Promise<unknown>;
}
/** Access and refresh tokens in a storage that all tabs share. */
export declare const tokenSession: ({ name, storage, state, refresh, signOut }: Wiring) => Session;
export {};
//# sourceMappingURL=tokens.d.ts.map