// Bundles main.js into ../page, compressed as it is served, with the licences of what is
// in it. The same package-lock.json gives the same text.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const page = '../page';

const { outputFiles, metafile } = await build({
  entryPoints: ['main.js'],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none', // the licences are in a file of their own
  outdir: page,
  metafile: true,
  write: false,
});

// Another version of zlib compresses the same text to other bytes, which are no change.
const put = (name, text) => {
  const file = `${page}/${name}.gz`;
  if (!existsSync(file) || gunzipSync(readFileSync(file)).toString() !== text) writeFileSync(file, gzipSync(text, { level: 9 }));
};

for (const { path, text } of outputFiles) {
  // The fonts are half of the bundle; without them the browser takes the system's.
  if (path.endsWith('.css')) put('graphiql.css', text.replace(/@font-face\{[^}]*\}/g, ''));
  else put('graphiql.js', text);
}

const folders = new Set(Object.keys(metafile.inputs).map((input) => input.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]).filter(Boolean));
const licences = [...folders].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  return `${name} ${version}, ${license}\n\n${file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : ''}\n`;
});
put('licences.txt', licences.join('\n----\n\n'));

// A test compares them, so that nobody forgets to build.
const sources = ['build.js', 'main.js', 'package-lock.json'];
const sums = sources.map((name) => `${createHash('sha256').update(readFileSync(name)).digest('hex')}  ${name}\n`);
writeFileSync('SHA256SUMS', sums.join(''));
