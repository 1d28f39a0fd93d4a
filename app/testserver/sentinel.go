package testserver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Sentinel watches a Redis and its replica. It makes the replica the master when the
// master has not answered for a second.
type Sentinel struct {
	*Process
	Port            int
	Master, Replica *Redis
}

// StartSentinel starts a master, a replica and a Sentinel, which knows the master by the
// name "limits".
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	s := &Sentinel{Port: FreePort(t), Master: StartRedis(t), Replica: StartRedis(t)}
	s.Replica.Do(t, "REPLICAOF", "127.0.0.1", strconv.Itoa(s.Master.Port))
	dir := TempDir(t)
	path := filepath.Join(dir, "sentinel.conf") // which Sentinel rewrites
	settings := fmt.Sprintf(`port %d
bind 127.0.0.1
dir %s
sentinel monitor limits 127.0.0.1 %d 1
sentinel down-after-milliseconds limits 1000
sentinel failover-timeout limits 3000
`, s.Port, dir, s.Master.Port)
	if err := os.WriteFile(path, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Process = Start(t, exec.Command(Binary(t, "redis-server", "redis-server"), path, "--sentinel")) // #nosec G204 -- a test's own server
	sentinel := &Redis{Port: s.Port}
	s.WaitReady(t, 20*time.Second, func() error {
		c, err := sentinel.connect()
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		known, err := c.Do(t.Context(), "SENTINEL", "REPLICAS", "limits").Slice()
		if err == nil && len(known) == 0 {
			err = fmt.Errorf("the Sentinel does not know the replica yet")
		}
		return err
	})
	return s
}

// URL is the URL by which a client finds the master.
func (s *Sentinel) URL() string { return "redis://" + Addr(s.Port) + "/0?master_name=limits" }
