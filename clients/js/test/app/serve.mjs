// Serves the built server.ts of docs/frontend.md with Node's own server.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { render } from './dist-server/server.js';

createServer(async (req, res) => {
  const answer = await render(new Request(`http://localhost${req.url}`, { headers: req.headers }));
  res.writeHead(answer.status, Object.fromEntries(answer.headers));
  Readable.fromWeb(answer.body).pipe(res);
}).listen(Number(process.argv[2]), '127.0.0.1');
