export const memory = () => {
    const items = new Map();
    return {
        getItem: (key) => items.get(key) ?? null,
        setItem: (key, value) => void items.set(key, value),
        removeItem: (key) => void items.delete(key),
    };
};
/** The browser's storage that all tabs share; memory on a server and where it is blocked. */
export const shared = () => {
    try {
        if (typeof document !== 'undefined')
            return localStorage;
    }
    catch {
        // The person blocks storage for this site.
    }
    return memory();
};
//# sourceMappingURL=storage.js.map