package cmd

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

type healthVerb struct {
	Live bool `help:"Only whether the process itself is well, not what it needs."`
}

// Run asks the ops listener of this host; container images have no curl.
func (v healthVerb) Run(ctx context.Context, env Environment) error {
	cfg, err := load(env)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(cfg.OpsListen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	path := "/readyz"
	if v.Live {
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
