import { createClient } from '@hasura-login/client';

export const auth = createClient({ url: import.meta.env.VITE_API ?? 'http://localhost:8080' });
