// Runs the code blocks of docs/frontend.md and docs/hosted-pages.md, which
// clients/docs_test.go puts next to this file.
import { gql } from '@apollo/client';
import { createRoot } from 'react-dom/client';
import { apollo } from './apollo';
import { App } from './App';
import { auth, signIn } from './auth';
import { returned, signInAtPages } from './hosted';

createRoot(document.getElementById('root')!).render(<App />);

const emails = async () => {
  const { data } = await apollo.query<{ users: { email: string }[] }>({ query: gql`{ users { email } }`, fetchPolicy: 'network-only' });
  return data!.users.map((user) => user.email).join();
};

Object.assign(window, { auth, signIn, signInAtPages, returned, emails });
