import { type HostedOptions } from './hosted.js';
import { type Fetch } from './http.js';
import { type Arguments, type Input, type Operation, type Output } from './operation.js';
import type { Grant } from './session.js';
import { type Listener, type State, type User } from './state.js';
import { type SessionStorage } from './storage.js';
export interface Options {
    /** Where the service is, such as https://api.example.org. */
    url: string;
    /** Where GraphQL is answered; `url` with /v1/graphql if left out. */
    graphql?: string;
    /**
     * cookie (the default): the session is in a cookie that no script can read. token: the
     * page holds tokens, for services without the gateway and for apps on other sites.
     */
    mode?: 'cookie' | 'token';
    /** Cookie mode: the user for whom a server rendered the page, so that nothing is asked. */
    user?: User | null;
    /** Token mode: where the tokens are kept; localStorage if left out. */
    storage?: SessionStorage;
    /** Instead of the global fetch. */
    fetch?: Fetch;
}
export interface Client {
    readonly url: string;
    readonly graphql: string;
    readonly mode: 'cookie' | 'token';
    /** Who is signed in. */
    readonly state: State;
    readonly user: User | null;
    /** Resolves as soon as it is known who is signed in. */
    readonly ready: Promise<State>;
    /** Calls the listener at every change, in every tab; returns how to stop. */
    onChange(listener: Listener): () => void;
    signUp(input: Input<'signup'>): Promise<User>;
    signIn(input: Input<'signin'>): Promise<User>;
    /** Signs out in all tabs, even while another one refreshes. */
    signOut(): Promise<void>;
    /** Any call of the service, by its operationId in openapi.yaml. */
    call<O extends Operation>(operation: O, ...args: Arguments<O>): Promise<Output<O>>;
    /** Takes a grant that came another way, such as from a GraphQL action. */
    adopt(grant: Pick<Grant, 'id'> & Partial<Grant>): Promise<User>;
    /** Asks the service who is signed in: after a change of the profile, or to notice a session's end. */
    check(): Promise<State>;
    /** Leads to the hosted pages; the user comes back to one of the app's URLs. */
    redirectToSignIn(options?: HostedOptions): Promise<void>;
    /** On the page that users come back to, before anything else. Tells whether it signed in. */
    handleRedirect(): Promise<boolean>;
    /** fetch with the session, for GraphQL: refreshes, waits when asked to, and answers no user with another's data. */
    fetch: Fetch;
    /** Token mode: a good access token, refreshed if need be. null: nobody is signed in, or cookie mode. */
    token(): Promise<string | null>;
}
/** The session of one page with one service. Make one for the whole app. */
export declare const createClient: (options: Options) => Client;
//# sourceMappingURL=client.d.ts.map