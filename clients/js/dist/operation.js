import { routes } from './routes.js';
export const routeOf = (operation) => {
    const [method = '', path = '', flags = ''] = routes[operation].split(' ');
    return {
        method,
        path: `/auth/${path}`,
        needsSession: flags.includes('t'),
        takesSession: /[to]/.test(flags),
        givesGrant: flags.includes('g'),
        takesDevice: flags.includes('d'),
    };
};
/** The URL and options of fetch for a call. */
export const requestOf = (url, route, input) => {
    const body = { ...input };
    const path = route.path.replace(/\{(\w+)\}/g, (_, name) => {
        const value = body[name];
        delete body[name];
        return encodeURIComponent(String(value));
    });
    return [
        url + path,
        route.method === 'GET'
            ? { method: 'GET' }
            : { method: route.method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) },
    ];
};
//# sourceMappingURL=operation.js.map