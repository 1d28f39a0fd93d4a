/** What token mode needs of localStorage. */
export type SessionStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

export const memory = (): SessionStorage => {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
};

/** The browser's storage that all tabs share; memory on a server and where it is blocked. */
export const shared = (): SessionStorage => {
  try {
    if (typeof document !== 'undefined') return localStorage;
  } catch {
    // The person blocks storage for this site.
  }
  return memory();
};
