/** What the hosted pages take; see docs/hosted-pages.md. */
export interface HostedOptions {
    /** The app's name in LOGIN_APPS; the first one if left out. */
    app?: string;
    /** One of the app's URLs, character for character; its first one if left out. */
    return?: string;
    /** One of /auth/providers: goes there without a page between. */
    provider?: string;
}
/** The way to the hosted pages and back (PKCE, RFC 7636). */
export declare const hostedPages: (url: string) => {
    begin: ({ provider, ...options }?: HostedOptions) => Promise<void>;
    take: () => {
        code: string;
        codeVerifier: string;
    } | null;
};
//# sourceMappingURL=hosted.d.ts.map