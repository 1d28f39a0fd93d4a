package cmd

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func healthCommand(env Environment) *cobra.Command {
	var live bool
	c := verb("health", "Ask the running service on its local ops listener; exit 1 if it is not well", func(ctx context.Context, _ []string) error {
		return askHealth(ctx, env, live)
	})
	c.Flags().BoolVar(&live, "live", false, "check only the process itself, not what it depends on")
	return c
}

// askHealth asks the ops listener of this host; container images have no curl.
func askHealth(ctx context.Context, env Environment, live bool) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	at, err := ownAddress(ctx, cfg.OpsListen)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	path := "/readyz"
	if live {
		path = "/livez"
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no answer on %s: is the service running?", cfg.OpsListen)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, strings.TrimSpace(string(body)))
	if resp.StatusCode != http.StatusOK {
		return errFailed
	}
	return nil
}
