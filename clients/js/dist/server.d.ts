import { type Fetch } from './http.js';
import type { User } from './state.js';
export interface ServerOptions {
    /** Where the service is, as the server reaches it. */
    url: string;
    /** Where GraphQL is answered; `url` with /v1/graphql if left out. */
    graphql?: string;
    fetch?: Fetch;
}
/** A request of the Fetch API, or of Node. */
export interface IncomingRequest {
    headers: Headers | Record<string, string | string[] | undefined>;
}
export interface ServerSession {
    readonly user: User;
    /** fetch as the user, for GraphQL and for the service. */
    readonly fetch: Fetch;
}
/** The session of a request that a server answers; null: nobody is signed in. */
export declare const sessionFromRequest: (request: IncomingRequest, options: ServerOptions) => Promise<ServerSession | null>;
//# sourceMappingURL=server.d.ts.map