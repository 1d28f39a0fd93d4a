package devstack

import (
	"net"
	"strings"
)

// greeting shows what runs where, with lines to paste into a shell.
func (v stack) greeting(api, graphql, ops net.Addr) string {
	users := "SQLite in " + v.data + "; for tables of your own, set DATABASE_URL to a Postgres"
	if v.databaseURL != "" {
		users = "the Postgres of DATABASE_URL"
	}
	return strings.NewReplacer("API", browserAddress(api.String()), "GRAPHQL", browserAddress(graphql.String()), "OPS", browserAddress(ops.String()), "DATA", v.data, "USERS", users).Replace(`Hasura Login, for development:

  your front-end   http://GRAPHQL               (GraphQL and login at one origin, for a session in a cookie: docs/frontend.md)
  GraphQL          http://GRAPHQL/v1/graphql    (a stand-in for Hasura: reads hasura/metadata)
  login (REST)     http://API/auth/…
  hosted pages     http://API/auth/pages/signin
  GraphiQL         http://GRAPHQL/console
  mails            http://GRAPHQL/inbox
  all pages, mails http://GRAPHQL/preview       (each state, in every language and with your brand)
  metrics, health  http://OPS/metrics, /readyz
  users, tables    USERS
  data             DATA    (delete it to start again; admin secret of the stand-in in DATA/admin_secret)

Try it. Sign up and sign in over GraphQL:

  curl -s http://GRAPHQL/v1/graphql -H 'Content-Type: application/json' -d '{"query":"mutation { signup(email: \"ann@example.org\", name: \"Ann\", password: \"correct horse staple\") { id token refreshToken } }"}'
  curl -s http://GRAPHQL/v1/graphql -H 'Content-Type: application/json' -d '{"query":"{ signin(email: \"ann@example.org\", password: \"correct horse staple\") { id token refreshToken } }"}'

The same over REST:

  curl -s http://API/auth/signup -H 'Content-Type: application/json' -d '{"email":"bob@example.org","name":"Bob","password":"correct horse staple"}'
  curl -s http://API/auth/signin -H 'Content-Type: application/json' -d '{"email":"bob@example.org","password":"correct horse staple"}'

With the token of an answer, the own row and the keys that verify it:

  curl -s http://GRAPHQL/v1/graphql -H 'Content-Type: application/json' -H "Authorization: Bearer $TOKEN" -d '{"query":"{ users { id email name } }"}'
  curl -s http://API/.well-known/jwks.json

Users, signing keys and what happened, in another terminal:

  go run ./dev users list
  go run ./dev keys list
  go run ./dev audit

Ctrl-C stops it.

`)
}
