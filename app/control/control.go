// Package control lets an operator's verbs ask the serving processes about state that
// only they have: the limits that they count in memory. It speaks HTTP over a Unix
// socket of each process in a folder of login. Write access to that folder is the
// permission to ask; nothing listens on a network.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"hasura-login/app/ratelimit"
)

const (
	timeout = 3 * time.Second
	pattern = "control-*.sock"
)

// Limits are those of a process.
type Limits interface {
	InForce(ctx context.Context, account string, clients []netip.Addr) []ratelimit.Standing
	Forget(ctx context.Context, account string, clients []netip.Addr)
}

// Serve answers on a socket in dir until ctx ends.
func Serve(ctx context.Context, dir string, limits Limits) error {
	path := filepath.Join(dir, fmt.Sprintf("control-%d-%d.sock", os.Getpid(), time.Now().UnixNano()))
	ln, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("the socket for operators: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(fmt.Errorf("the socket for operators: %w", err), ln.Close())
	}
	server := &http.Server{Handler: handler(limits), ReadTimeout: timeout, WriteTimeout: timeout}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the socket for operators: %w", err)
	}
	return nil
}

func handler(limits Limits) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /limits", func(w http.ResponseWriter, r *http.Request) {
		account, clients := subject(r)
		_ = json.NewEncoder(w).Encode(limits.InForce(r.Context(), account, clients))
	})
	mux.HandleFunc("DELETE /limits", func(w http.ResponseWriter, r *http.Request) {
		account, clients := subject(r)
		limits.Forget(r.Context(), account, clients)
		_ = json.NewEncoder(w).Encode(limits.InForce(r.Context(), account, clients))
	})
	return mux
}

func subject(r *http.Request) (account string, clients []netip.Addr) {
	for _, text := range r.URL.Query()["client"] {
		if addr, err := netip.ParseAddr(text); err == nil {
			clients = append(clients, addr)
		}
	}
	return r.URL.Query().Get("account"), clients
}

// InForce asks every process whose socket is in dir which limits refuse attempts
// on an account, and how many processes there are.
func InForce(ctx context.Context, dir, account string, clients []netip.Addr) ([]ratelimit.Standing, int, error) {
	return ask(ctx, dir, http.MethodGet, account, clients)
}

// Forget makes every process clear the counts of the account's own limits, and returns
// the limits that still apply.
func Forget(ctx context.Context, dir, account string, clients []netip.Addr) ([]ratelimit.Standing, int, error) {
	return ask(ctx, dir, http.MethodDelete, account, clients)
}

func ask(ctx context.Context, dir, method, account string, clients []netip.Addr) (all []ratelimit.Standing, processes int, err error) {
	sockets, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil, 0, err
	}
	query := url.Values{"account": {account}}
	for _, c := range clients {
		query.Add("client", c.String())
	}
	for _, socket := range sockets {
		standing, err := askOne(ctx, socket, method, query)
		if errors.Is(err, syscall.ECONNREFUSED) { // its process was killed
			_ = os.Remove(socket)
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("asking a process that serves: %w", err)
		}
		all = append(all, standing...)
		processes++
	}
	return all, processes, nil
}

func askOne(ctx context.Context, socket, method string, query url.Values) ([]ratelimit.Standing, error) {
	client := &http.Client{Timeout: timeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://login/limits?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var standing []ratelimit.Standing
	return standing, json.NewDecoder(resp.Body).Decode(&standing)
}
