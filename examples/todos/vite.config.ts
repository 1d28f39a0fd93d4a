import { defaultClientConditions, defineConfig } from 'vite';

export default defineConfig({
  // The client of this repository is not built; an app with the published package needs
  // neither this nor customConditions in tsconfig.json.
  resolve: { conditions: ['source', ...defaultClientConditions] },
  server: { port: 5173, strictPort: true },
});
