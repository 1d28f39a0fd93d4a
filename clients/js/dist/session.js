/** Tells the other tabs. On a server there are none: there, other clients may be other users'. */
export const channel = (name) => typeof document === 'undefined' || typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(name);
//# sourceMappingURL=session.js.map