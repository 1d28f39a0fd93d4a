export { createClient } from './client.js';
export { AuthError } from './error.js';
//# sourceMappingURL=index.js.map