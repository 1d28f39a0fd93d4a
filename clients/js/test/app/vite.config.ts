import { defineConfig } from 'vite';

// clients/browser_test.go drives the page.
export default defineConfig({ base: './', build: { minify: false, rolldownOptions: { input: ['page.html'] } } });
