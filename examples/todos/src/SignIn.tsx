import { AuthError } from '@hasura-login/client';
import { useSession } from '@hasura-login/client/react';
import { useState, type FormEvent } from 'react';

/** What to tell a person; the other codes of docs/errors.md have a good text already. */
const textFor = (err: AuthError): string => {
  switch (err.code) {
    case 'invalid-credentials':
      return 'The e-mail address or the password is wrong.';
    case 'rate-limited':
      return `Too many attempts. Try again in ${err.retryAfter} seconds.`;
    case 'second-factor-required':
      return 'This account has a second factor. Use the page of the service below.';
    default:
      return err.message;
  }
};

export const SignIn = () => {
  const { auth } = useSession();
  const [isNew, setNew] = useState(false);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const field = (name: string) => String(new FormData(event.currentTarget).get(name) ?? '');
    const [email, password, name] = [field('email'), field('password'), field('name')];
    setBusy(true);
    setError('');
    try {
      await (isNew ? auth.signUp({ email, password, name }) : auth.signIn({ email, password }));
    } catch (err) {
      setBusy(false);
      if (!(err instanceof AuthError)) throw err;
      setError(textFor(err));
    }
  };

  return (
    <main>
      <h1>Todos</h1>
      <form onSubmit={submit}>
        {isNew && (
          <label>
            Name
            <input name="name" autoComplete="name" required />
          </label>
        )}
        <label>
          E-mail address
          <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete={isNew ? 'new-password' : 'current-password'} required />
        </label>
        {error && <p role="alert">{error}</p>}
        <button disabled={busy}>{isNew ? 'Create account' : 'Sign in'}</button>
      </form>
      <p>
        <button className="link" onClick={() => (setNew(!isNew), setError(''))}>
          {isNew ? 'I have an account' : 'I am new here'}
        </button>
        {' · '}
        <button className="link" onClick={() => void auth.redirectToSignIn({ app: 'todos' })}>
          Sign in on the page of the service
        </button>
      </p>
    </main>
  );
};
