// The least that an app without the npm package does to get its users from the pages.
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

// Leads to the sign-in; asked is what docs/hosted-pages.md lists.
export const signInAt = async (login, asked = {}) => {
  const state = random();
  const verifier = random();
  sessionStorage.setItem('login-asked', JSON.stringify({ state, verifier }));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  location.assign(`${login}/auth/pages/signin?${new URLSearchParams({ ...asked, state, code_challenge: base64url(digest) })}`);
};

// On the page that the user comes back to, before anything else: takes the code out
// of the address. It is null unless this tab asked for it, so that nobody is signed
// in by somebody else's link.
export const takeCode = () => {
  const address = new URL(location);
  const [code, state] = ['code', 'state'].map((name) => address.searchParams.get(name));
  if (!code) return null;
  ['code', 'state'].forEach((name) => address.searchParams.delete(name));
  history.replaceState(null, '', address);
  const asked = JSON.parse(sessionStorage.getItem('login-asked'));
  sessionStorage.removeItem('login-asked');
  return asked && asked.state === state ? { code, codeVerifier: asked.verifier } : null;
};

export const post = async (url, body) => {
  const res = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  return res.status === 204 ? null : res.json();
};
