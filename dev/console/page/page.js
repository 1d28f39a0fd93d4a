// A small GraphQL page: it sends what is typed, shows what comes, and lists the role's schema.
const byId = (id) => document.getElementById(id);
const { login } = await (await fetch("settings.json")).json();
const graphql = new URL("../v1/graphql", location.href);
const example = `# The role of requests without a token is public.
# Sign up above, and run this as yourself.
query {
  users { id email name }
}`;

let session = null; // a grant of the login service
let socket = null;

byId("query").value = sessionStorage.query ?? example;
byId("variables").value = sessionStorage.variables ?? "";
for (const id of ["query", "variables"]) byId(id).addEventListener("input", () => { sessionStorage[id] = byId(id).value; });

const headers = () => (session ? { Authorization: `Bearer ${session.token}` } : {});
const show = (value) => { byId("answer").textContent = typeof value === "string" ? value : JSON.stringify(value, null, 2); };
const status = (text) => { byId("status").textContent = text; };

function request() {
  const text = byId("variables").value.trim();
  return { query: byId("query").value, ...(text ? { variables: JSON.parse(text) } : {}) };
}

// isSubscription looks at the first word after comments and fragments.
function isSubscription(query) {
  return /^\s*subscription\b/m.test(query.replace(/#.*$/gm, ""));
}

async function send(body) {
  const response = await fetch(graphql, { method: "POST", headers: { "Content-Type": "application/json", ...headers() }, body: JSON.stringify(body) });
  return response.json();
}

async function run() {
  stop();
  try {
    const body = request();
    if (isSubscription(body.query)) return subscribe(body);
    status("…");
    const from = performance.now();
    show(await send(body));
    status(`${Math.round(performance.now() - from)} ms`);
  } catch (error) {
    show(String(error));
    status("");
  }
}

function subscribe(body) {
  const url = new URL(graphql);
  url.protocol = url.protocol.replace("http", "ws");
  const ws = new WebSocket(url, "graphql-transport-ws");
  socket = ws;
  let states = 0;
  byId("stop").hidden = false;
  status("connecting …");
  ws.onopen = () => ws.send(JSON.stringify({ type: "connection_init", payload: { headers: headers() } }));
  ws.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "ping") ws.send(JSON.stringify({ type: "pong" }));
    if (message.type === "connection_ack") ws.send(JSON.stringify({ type: "subscribe", id: "1", payload: body }));
    if (message.type === "next") { show(message.payload); status(`live: ${++states} received`); }
    if (message.type === "error") show({ errors: message.payload });
    if (message.type === "complete") stop();
  };
  ws.onclose = ({ code, reason }) => { if (socket === ws) { stop(); status(`closed (${code}) ${reason}`); } };
}

function stop() {
  socket?.close();
  socket = null;
  byId("stop").hidden = true;
}

async function enter(path, body) {
  const response = await fetch(login + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) {
    show(answer);
    status(answer.code ?? "");
    return;
  }
  session = answer;
  await changed();
}

async function changed() {
  stop();
  byId("who").textContent = session ? "Role user" : "Role public";
  for (const id of ["email", "password"]) byId(id).hidden = Boolean(session);
  byId("session").querySelector("button").hidden = byId("signup").hidden = Boolean(session);
  byId("signout").hidden = !session;
  byId("password").value = "";
  await loadSchema();
}

byId("session").addEventListener("submit", (event) => {
  event.preventDefault();
  enter("/auth/signin", { email: byId("email").value, password: byId("password").value });
});
byId("signup").addEventListener("click", () => {
  const email = byId("email").value;
  enter("/auth/signup", { email, name: email.split("@")[0], password: byId("password").value });
});
byId("signout").addEventListener("click", async () => {
  await fetch(login + "/auth/signout", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ refreshToken: session.refreshToken }) });
  session = null;
  await changed();
});
byId("run").addEventListener("click", run);
byId("stop").addEventListener("click", () => { stop(); status("stopped"); });
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
});

// The schema of the role, from introspection.
let types = [];

async function loadSchema() {
  const type = "name kind ofType { name kind ofType { name kind ofType { name kind } } }";
  const { data } = await send({ query: `{ __schema { queryType { name } mutationType { name } subscriptionType { name }
    types { name kind fields { name description args { name type { ${type} } } type { ${type} } } inputFields { name type { ${type} } } enumValues { name } } } }` });
  const schema = data.__schema;
  const roots = [["query", schema.queryType], ["mutation", schema.mutationType], ["subscription", schema.subscriptionType]].filter(([, root]) => root);
  const named = new Map(schema.types.map((each) => [each.name, each]));
  types = [...roots.map(([operation, root]) => ({ title: operation, operation, type: named.get(root.name) })),
    ...schema.types.filter((each) => !each.name.startsWith("__") && each.kind !== "SCALAR" && !roots.some(([, root]) => root.name === each.name)).map((each) => ({ title: each.name, type: each }))];
  listSchema();
}

const text = (t) => (t.kind === "NON_NULL" ? `${text(t.ofType)}!` : t.kind === "LIST" ? `[${text(t.ofType)}]` : t.name);
const inner = (t) => (t.ofType ? inner(t.ofType) : t.name);

function listSchema() {
  const wanted = byId("search").value.toLowerCase();
  const list = byId("types");
  list.replaceChildren();
  for (const { title, operation, type } of types) {
    const members = (type.fields ?? type.inputFields ?? type.enumValues ?? []).filter((m) => `${title} ${m.name}`.toLowerCase().includes(wanted));
    if (members.length === 0) continue;
    const heading = document.createElement("h2");
    heading.textContent = title;
    list.append(heading);
    for (const member of members) {
      const button = document.createElement("button");
      const args = (member.args ?? []).map((a) => `${a.name}: ${text(a.type)}`).join(", ");
      button.textContent = member.name;
      const signature = document.createElement("span");
      signature.textContent = `${args ? `(${args})` : ""}${member.type ? `: ${text(member.type)}` : ""}`;
      button.append(signature);
      button.title = member.description ?? "";
      button.addEventListener("click", () => insert(operation ? example_of(operation, member) : member.name));
      list.append(button);
    }
  }
}

// example_of writes an operation with the arguments that are needed and the scalars of the
// answer.
function example_of(operation, field) {
  const needed = field.args.filter((a) => a.type.kind === "NON_NULL");
  const declared = needed.map((a) => `$${a.name}: ${text(a.type)}`).join(", ");
  const given = needed.map((a) => `${a.name}: $${a.name}`).join(", ");
  const result = types.find(({ type }) => type.name === inner(field.type))?.type;
  const leaves = (result?.fields ?? []).filter((f) => !types.some(({ type }) => type.name === inner(f.type) && type.fields)).map((f) => f.name);
  const selection = leaves.length ? ` { ${leaves.join(" ")} }` : "";
  return `${operation}${declared ? ` (${declared})` : ""} {\n  ${field.name}${given ? `(${given})` : ""}${selection}\n}`;
}

function insert(text) {
  const query = byId("query");
  if (text.includes("{")) query.value = text;
  else query.setRangeText(text, query.selectionStart, query.selectionEnd, "end");
  query.dispatchEvent(new Event("input"));
  query.focus();
}

byId("search").addEventListener("input", listSchema);
loadSchema().catch((error) => show(String(error)));
