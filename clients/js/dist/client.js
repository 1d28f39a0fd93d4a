import { cookieSession } from './cookies.js';
import { AuthError, endsSession } from './error.js';
import { fetchWith } from './fetch.js';
import { hostedPages } from './hosted.js';
import { answer, patiently } from './http.js';
import { requestOf, routeOf } from './operation.js';
import { observable, stateOf } from './state.js';
import { shared } from './storage.js';
import { tokenSession } from './tokens.js';
/** The session of one page with one service. Make one for the whole app. */
export const createClient = (options) => {
    const url = options.url.replace(/\/+$/, '');
    const graphql = options.graphql ?? `${url}/v1/graphql`;
    const mode = options.mode ?? 'cookie';
    const name = `hasura-login ${url}`;
    const http = (...args) => (options.fetch ?? globalThis.fetch)(...args);
    const state = observable(mode === 'cookie' && options.user === undefined ? { status: 'loading', user: null } : stateOf(options.user ?? null));
    const send = (operation, input, token, repeat = false) => {
        const route = routeOf(operation);
        const [to, init] = requestOf(url, route, { ...input, ...(route.givesGrant && operation !== 'refresh' ? session.wish : {}) });
        const request = () => http(to, {
            ...init,
            credentials: session.credentials,
            keepalive: operation === 'signout',
            ...(token && { headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
        });
        return answer(repeat || route.method === 'GET' ? () => patiently(request, [429, 503]) : request);
    };
    const session = mode === 'cookie'
        ? cookieSession({
            name,
            state,
            me: () => send('me', {}, null),
            signOut: () => send('signout', {}, null, true),
        })
        : tokenSession({
            name,
            state,
            storage: options.storage ?? shared(),
            refresh: (refreshToken) => send('refresh', { refreshToken }, null, true),
            signOut: (refreshToken) => send('signout', { refreshToken }, null, true),
        });
    const adopt = async (grant) => {
        const known = state.get().user;
        session.keep(grant, known?.id === grant.id ? known : { id: grant.id });
        await check().catch(() => { }); // the user is signed in whatever this says
        return state.get().user ?? { id: grant.id };
    };
    const check = async () => {
        if (mode === 'cookie') {
            await session.refused(null);
            return state.get();
        }
        const user = (await call('me').catch((err) => {
            if (!endsSession(err))
                throw err;
        }));
        if (user && state.get().user?.id === user.id)
            session.rename(user);
        return state.get();
    };
    const call = async (operation, ...[input]) => {
        const route = routeOf(operation);
        const token = route.takesSession ? await session.token() : null;
        if (route.needsSession && mode === 'token' && !token)
            throw new AuthError({ code: 'unauthenticated', title: 'Nobody is signed in' });
        const device = route.takesDevice ? session.device() : undefined;
        const body = { ...(device && { deviceToken: device }), ...input };
        let result;
        try {
            result = await send(operation, body, token);
        }
        catch (err) {
            const again = route.takesSession && endsSession(err) && (await session.refused(token));
            if (!again || mode === 'cookie')
                throw err;
            result = await send(operation, body, await session.token());
        }
        if (route.givesGrant)
            await adopt(result);
        else if (operation === 'elevate' && result && state.get().user)
            session.keep(result, state.get().user);
        else if (operation === 'signoutAll' || operation === 'deleteAccount')
            await session.end(false);
        return result;
    };
    const signedIn = async (grant) => {
        const { id } = (await grant);
        return state.get().user ?? { id };
    };
    const hosted = hostedPages(url);
    const client = {
        url,
        graphql,
        mode,
        get state() {
            return state.get();
        },
        get user() {
            return state.get().user;
        },
        get ready() {
            return state.known();
        },
        onChange: state.listen,
        signUp: (input) => signedIn(call('signup', input)),
        signIn: (input) => signedIn(call('signin', input)),
        signOut: () => session.end(true),
        call,
        adopt,
        check,
        redirectToSignIn: hosted.begin,
        handleRedirect: async () => {
            const code = hosted.take();
            if (code)
                await call('exchange', code);
            return code !== null;
        },
        fetch: fetchWith({ http, session, state, origins: [url, graphql] }),
        token: () => session.token(),
    };
    session.start();
    return client;
};
//# sourceMappingURL=client.js.map