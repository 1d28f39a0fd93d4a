export const stateOf = (user) => user ? { status: 'signed-in', user } : { status: 'signed-out', user: null };
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
/** A state with listeners. */
export const observable = (state) => {
    const listeners = new Set();
    const listen = (listener) => {
        const own = (...args) => listener(...args); // the same function may listen twice
        listeners.add(own);
        return () => void listeners.delete(own);
    };
    return {
        get: () => state,
        listen,
        /** Resolves when it is known who is signed in. */
        known: async () => {
            while (state.status === 'loading') {
                await new Promise((resolve) => {
                    const stop = listen(() => resolve(stop()));
                });
            }
            return state;
        },
        set: (next) => {
            if (same(state, next))
                return;
            const before = state;
            state = next;
            for (const listener of [...listeners])
                listener(next, before);
        },
    };
};
//# sourceMappingURL=state.js.map