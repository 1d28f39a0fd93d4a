'use client';
import { createContext, createElement, Fragment, useContext, useSyncExternalStore } from 'react';
const Context = createContext(null);
const useState = (auth) => useSyncExternalStore(auth.onChange, () => auth.state, () => auth.state);
/**
 * Gives its children the session. When the user changes, they start over, because what
 * components remember, results of hooks included, belongs to the user of before.
 */
export const SessionProvider = ({ auth, children }) => {
    const { user } = useState(auth);
    return createElement(Context.Provider, { value: auth }, createElement(Fragment, { key: user?.id ?? '' }, children));
};
/** Who is signed in, and the client to sign in and out with. */
export const useSession = () => {
    const auth = useContext(Context);
    if (!auth)
        throw new Error('useSession needs a SessionProvider around it');
    return { ...useState(auth), auth };
};
//# sourceMappingURL=react.js.map