import { useSession } from '@hasura-login/client/react';
import { useEffect, useState } from 'react';
import { SignIn } from './SignIn';
import { Todos } from './Todos';

/** An answer that is quick shows nothing of this. */
const Waiting = () => {
  const { auth } = useSession();
  const [long, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), 1000);
    return () => clearTimeout(timer);
  }, []);
  return <main>{long && <p role="status">There is no answer from {auth.url} yet. Is the service running? This page goes on as soon as it is.</p>}</main>;
};

export const App = () => {
  const { status, user, auth } = useSession();
  if (status === 'loading') return <Waiting />;
  if (!user) return <SignIn />;
  return (
    <main>
      <header>
        <h1>{user.name}’s todos</h1>
        <button onClick={() => void auth.signOut()}>Sign out</button>
      </header>
      <Todos />
    </main>
  );
};
