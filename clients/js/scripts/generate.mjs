// Writes src/openapi.ts (types) and src/routes.ts (what a call needs at run time) from
// openapi.yaml. With --check it writes nothing and fails if they differ.
import { readFileSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';
import { parse } from 'yaml';

const contract = new URL('../../../openapi.yaml', import.meta.url);
const target = (name) => new URL(`../src/${name}`, import.meta.url);
const document = parse(readFileSync(contract, 'utf8'));
const header = '// Generated from openapi.yaml by "npm run generate"; do not edit.\n';

const types = async () => header + astToString(await openapiTS(contract, { immutable: false }));

// Letters behind a route: t needs a session, o takes one, g gives a grant, d takes the
// device token.
const flags = (operation) => {
  const schema = operation.requestBody?.content?.['application/json']?.schema;
  const answers = Object.entries(operation.responses).filter(([status]) => status.startsWith('2')).map(([, answer]) => answer);
  const security = operation.security ?? [];
  return [
    security.length > 0 && (security.some((way) => Object.keys(way).length === 0) ? 'o' : 't'),
    answers.some((answer) => answer.$ref === '#/components/responses/Grant') && 'g',
    schema?.properties?.deviceToken && 'd',
  ].filter(Boolean).join('');
};

const routes = () => {
  const lines = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, operation]) => operation.operationId && !operation.tags.includes('service'))
      .map(([method, operation]) => {
        const route = [method.toUpperCase(), path.replace('/auth/', ''), flags(operation)].filter(Boolean).join(' ');
        return `  ${operation.operationId}: '${route}',\n`;
      }),
  );
  return `${header}export const routes = {\n${lines.join('')}} as const;\n`;
};

const files = { 'openapi.ts': await types(), 'routes.ts': routes() };
for (const [name, text] of Object.entries(files)) {
  if (!process.argv.includes('--check')) writeFileSync(target(name), text);
  else if (readFileSync(target(name), 'utf8') !== text) {
    console.error(`clients/js/src/${name} differs from openapi.yaml: npm run generate`);
    process.exitCode = 1;
  }
}
