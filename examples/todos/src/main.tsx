import { createSockets } from '@hasura-login/client/graphql-ws';
import { SessionProvider } from '@hasura-login/client/react';
import { createUrqlClient } from '@hasura-login/client/urql';
import { createRoot } from 'react-dom/client';
import { Provider } from 'urql';
import { App } from './App';
import { auth } from './auth';
import './style.css';

const urql = createUrqlClient(auth, { sockets: createSockets(auth) });

// If the hosted pages sent the user back here. Whatever goes wrong, the page below says it or asks again.
await auth.handleRedirect().catch(console.error);
createRoot(document.getElementById('root')!).render(
  <SessionProvider auth={auth}>
    <Provider value={urql}>
      <App />
    </Provider>
  </SessionProvider>,
);
