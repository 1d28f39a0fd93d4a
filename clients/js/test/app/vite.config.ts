import { defineConfig } from 'vite';

// clients/browser_test.go drives page.html, clients/docs_test.go docs.html.
export default defineConfig(({ isSsrBuild }) => ({
  base: './',
  build: { minify: false, ...(!isSsrBuild && { rolldownOptions: { input: ['page.html', 'docs.html'] } }) },
}));
