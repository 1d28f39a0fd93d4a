import type { components } from './openapi.js';
type Profile = components['schemas']['Profile'];
/** The user that is signed in. Only the id is known for sure; the rest follows from /auth/me. */
export type User = Pick<Profile, 'id'> & Partial<Profile>;
/** Who is signed in. The object is a new one whenever something changes. */
export type State = {
    readonly status: 'loading';
    readonly user: null;
} | {
    readonly status: 'signed-in';
    readonly user: User;
} | {
    readonly status: 'signed-out';
    readonly user: null;
};
export type Listener = (state: State, before: State) => void;
export declare const stateOf: (user: User | null) => State;
/** A state with listeners. */
export declare const observable: (state: State) => {
    get: () => State;
    listen: (listener: Listener) => () => undefined;
    /** Resolves when it is known who is signed in. */
    known: () => Promise<State>;
    set: (next: State) => void;
};
export {};
//# sourceMappingURL=state.d.ts.map