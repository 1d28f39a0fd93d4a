import { useSession } from '@hasura-login/client/react';
import { SignIn } from './SignIn';
import { Todos } from './Todos';

export const App = () => {
  const { status, user, auth } = useSession();
  if (status === 'loading') return null;
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
