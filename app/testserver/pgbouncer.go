package testserver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// PgBouncer is a pooler in front of a Postgres, in transaction mode.
type PgBouncer struct {
	*Process
	Port int
}

// StartPgBouncer starts a pooler with Debian's settings except the mode, and few
// connections, so that they change hands all the time. It accepts the named roles.
func StartPgBouncer(t testing.TB, pg *Postgres, roles ...string) *PgBouncer {
	t.Helper()
	dir := TempDir(t)
	port := FreePort(t)
	settings := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s/users
pool_mode = transaction
default_pool_size = 3
server_idle_timeout = 1
max_client_conn = 500
`, pg.Port, port, dir)
	users := ""
	for _, role := range roles {
		users += fmt.Sprintf("%q \"\"\n", role)
	}
	for name, text := range map[string]string{"pgbouncer.ini": settings, "users": users} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { // #nosec G306 -- the pooler runs as another user
			t.Fatal(err)
		}
	}
	cmd := exec.Command(Binary(t, "pgbouncer", "pgbouncer"), filepath.Join(dir, "pgbouncer.ini")) // #nosec G204 -- a test's own server
	RunAs(t, cmd, "postgres", dir)
	b := &PgBouncer{Process: Start(t, cmd), Port: port}
	b.WaitReady(t, 10*time.Second, func() error { return Dial(Addr(port)) })
	return b
}

// URL is a connection URL of pg with the pooler in its server's place.
func (b *PgBouncer) URL(pg *Postgres, url string) string {
	return strings.Replace(url, Addr(pg.Port), Addr(b.Port), 1)
}
