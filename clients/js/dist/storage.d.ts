/** What token mode needs of localStorage. */
export type SessionStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
export declare const memory: () => SessionStorage;
/** The browser's storage that all tabs share; memory on a server and where it is blocked. */
export declare const shared: () => SessionStorage;
//# sourceMappingURL=storage.d.ts.map