import { type ReactElement, type ReactNode } from 'react';
import type { Client } from './client.js';
import type { State } from './state.js';
export interface SessionProviderProps {
    auth: Client;
    children?: ReactNode;
}
/**
 * Gives its children the session. When the user changes, they start over, because what
 * components remember, results of hooks included, belongs to the user of before.
 */
export declare const SessionProvider: ({ auth, children }: SessionProviderProps) => ReactElement;
/** Who is signed in, and the client to sign in and out with. */
export declare const useSession: () => State & {
    auth: Client;
};
//# sourceMappingURL=react.d.ts.map