package devstack

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hasura-login/app/cmd"
	"hasura-login/app/config"
)

// vars is the environment, with what development adds where it says nothing.
func (v stack) vars(env cmd.Environment) ([]string, error) {
	if err := os.MkdirAll(v.data, 0o700); err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, entry := range env.Vars {
		name, _, _ := strings.Cut(entry, "=")
		set[strings.TrimSuffix(name, "_FILE")] = true
	}
	defaults := map[string]string{
		"LISTEN": v.listen, "OPS_LISTEN": v.ops, "KEYS_DIR": filepath.Join(v.data, "keys"), "AUDIT_DIR": filepath.Join(v.data, "audit"), "SHUTDOWN_GRACE": "5s",
		"HOSTED_PAGES": "true", "PUBLIC_URL": publicURL(v.listen),
	}
	for _, name := range config.Keys() {
		if name == "EDGE_SECRET" {
			continue // with one, only what nginx passes on would have an address
		}
		secret, err := keptSecret(filepath.Join(v.data, strings.ToLower(name)))
		if err != nil {
			return nil, err
		}
		defaults[name] = secret
	}
	vars := slices.Clone(env.Vars)
	for name, value := range defaults {
		if !set[config.Prefix+name] {
			vars = append(vars, config.Prefix+name+"="+value)
		}
	}
	return vars, nil
}

// publicURL is where a browser on this machine finds a listener.
func publicURL(listen string) string { return "http://" + browserAddress(listen) }

// browserAddress is a listener's address for a browser on this machine. It says localhost
// also for 127.0.0.1: browsers keep cookies by name, and passkeys need a name.
func browserAddress(listen string) string {
	host, port, _ := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// keptSecret is drawn at the first start, so that devices stay known over restarts.
func keptSecret(path string) (string, error) {
	if b, err := os.ReadFile(path); err == nil { // #nosec G304 -- in the data folder
		return string(b), nil
	}
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", err
	}
	secret := hex.EncodeToString(raw[:])
	return secret, os.WriteFile(path, []byte(secret), 0o600)
}

// allowOrigin lets any page served from this machine call, besides those listed.
func (v stack) allowOrigin(cfg config.Config) func(string) bool {
	allowed := config.AllowOrigin(cfg.CORSOrigins)
	return func(origin string) bool {
		u, err := url.Parse(origin)
		if err != nil {
			return false
		}
		host := u.Hostname()
		ip := net.ParseIP(host)
		return allowed(origin) || host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
	}
}
