/** What the hosted pages take; see docs/hosted-pages.md. */
export interface HostedOptions {
  /** The app's name in LOGIN_APPS; the first one if left out. */
  app?: string;
  /** One of the app's URLs, character for character; its first one if left out. */
  return?: string;
  /** One of /auth/providers: goes there without a page between. */
  provider?: string;
}

const kept = 'hasura-login asked';

const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** The way to the hosted pages and back (PKCE, RFC 7636). */
export const hostedPages = (url: string) => ({
  begin: async ({ provider, ...options }: HostedOptions = {}): Promise<void> => {
    const [state, verifier] = [random(), random()];
    sessionStorage.setItem(kept, JSON.stringify([state, verifier]));
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
    const query = new URLSearchParams({ ...options, state, code_challenge: base64url(new Uint8Array(digest)) });
    location.assign(`${url}/auth/${provider ? `oauth/${encodeURIComponent(provider)}` : 'pages/signin'}?${query}`);
  },

  // A code that this tab did not ask for could sign the user in to a stranger's account.
  take: () => {
    const address = new URL(location.href);
    const [code, state] = ['code', 'state'].map((name) => address.searchParams.get(name));
    const asked = JSON.parse(sessionStorage.getItem(kept) ?? 'null');
    if (!code || asked?.[0] !== state) return null;
    address.searchParams.delete('code');
    address.searchParams.delete('state');
    history.replaceState(history.state, '', address);
    sessionStorage.removeItem(kept);
    return { code, codeVerifier: asked[1] as string };
  },
});
