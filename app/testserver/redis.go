package testserver

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a real server without persistence. After Kill and Restart it is
// empty, on the same port.
type Redis struct {
	*Process
	Port  int
	dir   string
	users string // file of users, "" for a server that is open to all
}

// StartRedis starts a server on a free loopback port. It is open to all and
// keeps nothing on disk.
func StartRedis(t testing.TB) *Redis {
	t.Helper()
	r := &Redis{Port: FreePort(t), dir: TempDir(t)}
	r.start(t)
	return r
}

// StartRedisWithUsers starts a server on a port that only accepts the users of an ACL
// file, which it reads again on command.
func StartRedisWithUsers(t testing.TB, port int, file string) *Redis {
	t.Helper()
	r := &Redis{Port: port, dir: TempDir(t), users: file}
	r.start(t)
	return r
}

func (r *Redis) start(t testing.TB) {
	t.Helper()
	args := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(r.Port), "--dir", r.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no"}
	if r.users != "" {
		args = append(args, "--aclfile", r.users)
	}
	r.Process = Start(t, exec.Command(Binary(t, "redis-server", "redis-server"), args...)) // #nosec G204 -- a test's own server
	r.WaitReady(t, 10*time.Second, func() error {
		if r.users != "" {
			return Dial(Addr(r.Port))
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// Restart starts the server again, empty, after Stop or Kill.
func (r *Redis) Restart(t testing.TB) {
	t.Helper()
	r.start(t)
}

// URL is the connection URL of the user "default", which needs no password.
func (r *Redis) URL() string { return "redis://" + Addr(r.Port) + "/0" }

// Do runs one command as the user "default" and returns its answer.
func (r *Redis) Do(t testing.TB, args ...any) any {
	t.Helper()
	c, err := r.connect()
	if err != nil {
		t.Fatalf("connecting to Redis: %v", err)
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answer, err := c.Do(ctx, args...).Result()
	if err != nil {
		t.Fatalf("redis %v: %v", args, err)
	}
	return answer
}

func (r *Redis) connect() (*redis.Client, error) {
	opts, err := redis.ParseURL(r.URL())
	if err != nil {
		return nil, err
	}
	opts.DisableIdentity = true
	opts.MaxRetries, opts.DialerRetries = -1, 1
	c := redis.NewClient(opts)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := c.Ping(ctx).Err(); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("ping: %w", err)
	}
	return c, nil
}
