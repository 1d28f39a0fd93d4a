// Fails if the core is larger than 5 kB, minified and compressed.
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const limit = 5000;
const { output } = await build({
  configFile: false,
  logLevel: 'error',
  build: { write: false, modulePreload: false, rolldownOptions: { input: 'dist/index.js', preserveEntrySignatures: 'strict' } },
});
const size = gzipSync(output[0].code, { level: 9 }).length;
console.log(`core: ${output[0].code.length} bytes minified, ${size} compressed; the limit is ${limit}`);
if (size > limit) process.exit(1);
