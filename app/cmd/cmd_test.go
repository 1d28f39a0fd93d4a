package cmd_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hasura-login/app/cmd"
	"hasura-login/app/config"
)

// run calls the program as a shell would.
func run(t *testing.T, stdin string, vars []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	vars = append([]string{"LOGIN_AUDIT_DIR=" + t.TempDir()}, vars...) // the last of a name counts
	code = cmd.Main(t.Context(), args, cmd.Environment{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &err, Vars: vars, Version: "v0-test", Commit: "0123abcd", Date: "2026-11-29T10:00:00Z"})
	return code, out.String(), err.String()
}

func TestMain_ExitCodesAndWhatIsSaid(t *testing.T) {
	dir := t.TempDir()
	keys := []string{"LOGIN_KEYS_DIR=" + filepath.Join(dir, "keys")}
	for _, c := range []struct {
		name   string
		args   string
		vars   []string
		code   int
		stdout string
		stderr string
	}{
		{name: "no verb shows help", args: "", code: 0, stdout: "Available Commands"},
		{name: "version", args: "version", code: 0, stdout: "v0-test"},
		{name: "version with commit and date", args: "--version", code: 0, stdout: "hasura-login version v0-test (commit 0123abcd, 2026-11-29T10:00:00Z)"},
		{name: "unknown verb", args: "bogus", code: 2, stderr: "unknown command"},
		{name: "unknown verb of a group", args: "users bogus", code: 2, stderr: "no such verb"},
		{name: "unknown flag", args: "check --bogus", code: 2, stderr: "unknown flag"},
		{name: "missing argument", args: "keys revoke", code: 2, stderr: "revoke KID"},
		{name: "unusable configuration", args: "keys list", vars: []string{"LOGIN_BCRYPT_COST=4"}, code: 1, stderr: "LOGIN_BCRYPT_COST"},
		{name: "check without secrets", args: "check", code: 1, stdout: "LOGIN_ACCESS_TTL", stderr: "LOGIN_DATABASE_URL or LOGIN_DATABASE_URL_FILE is not set"},
		{name: "check of a limit", args: "check", vars: []string{"LOGIN_LIMIT_SIGNIN_CLIENT=many"}, code: 1, stderr: "LOGIN_LIMIT_SIGNIN_CLIENT"},
		{name: "check of a NAT64 prefix", args: "check", vars: []string{"LOGIN_NAT64_PREFIX=2001:db8::/64"}, code: 1, stderr: "LOGIN_NAT64_PREFIX: \"2001:db8::/64\" is a /64; only a /96"},
		{name: "serve without secrets", args: "serve", code: 1, stderr: "is not set"},
		{name: "no ring yet", args: "keys list", vars: keys, code: 1, stderr: "hasura-login keys rotate"},
		{name: "first key", args: "keys rotate", vars: keys, code: 0, stdout: "signs from now on"},
		{name: "listed", args: "keys list", vars: keys, code: 0, stdout: "active"},
		{name: "listed for scripts", args: "keys list --json", vars: keys, code: 0, stdout: `"state": "active"`},
		{name: "second key", args: "keys rotate --publish-ahead 300s", vars: keys, code: 0, stdout: "takes over from"},
		{name: "no third while one is pending", args: "keys rotate", vars: keys, code: 1, stderr: "already published"},
		{name: "unknown key", args: "keys revoke --yes nope", vars: keys, code: 1, stderr: "no such key"},
		{name: "health of nothing", args: "health", vars: []string{"LOGIN_OPS_LISTEN=127.0.0.1:1"}, code: 1, stderr: "no answer"},
		{name: "keys without an audit trail", args: "keys rotate", vars: append(slices.Clone(keys), "LOGIN_AUDIT_DIR=/dev/null"), code: 1, stderr: "nothing was changed, since it could not be recorded: LOGIN_AUDIT_DIR"},
		{name: "audit of nothing", args: "audit", vars: []string{"LOGIN_AUDIT_DIR=/nowhere"}, code: 1, stderr: "/nowhere"},
		{name: "audit of an unknown event", args: "audit --event bogus", code: 1, stderr: `no event "bogus"`},
		{name: "audit of no client", args: "audit --client bogus", code: 1, stderr: "not an IP address"},
		{name: "a size without a unit", args: "check", vars: []string{"LOGIN_AUDIT_MAX_SIZE=1000000"}, code: 1, stderr: `LOGIN_AUDIT_MAX_SIZE: "1000000" is not a size`},
		{name: "too small a trail", args: "check", vars: []string{"LOGIN_AUDIT_MAX_SIZE=1MiB"}, code: 1, stderr: "LOGIN_AUDIT_MAX_SIZE: 1MiB is less"},
		{name: "edge metrics on no address", args: "edge-metrics --listen 9114", code: 1, stderr: "--listen: listen tcp: address 9114"},
		{name: "users without a database", args: "users list", code: 1, stderr: "LOGIN_DATABASE_URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := run(t, "", c.vars, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", code, c.code, stdout, stderr)
			}
		})
	}
}

// serve can start with every configuration that check accepts, and check connects to
// nothing: the host names here do not exist. With exactly such values, users of other
// services report a check that passes and a container that restarts for ever.
func TestCheck_ReadsStructuredValuesAsServeDoes(t *testing.T) {
	good := map[string]string{
		"LOGIN_DATABASE_URL": "postgres://login:secret@db.invalid:5432/hasura?sslmode=disable",
		"LOGIN_REDIS_URL":    "redis://login:secret@redis.invalid:6379/0",
		"LOGIN_KEYS_DIR":     filepath.Join(t.TempDir(), "keys"),
	}
	for _, name := range config.Keys() {
		good[config.Prefix+name] = strings.Repeat("k", 32)
	}
	vars := func(name, value string) (list []string) {
		for n, v := range good {
			if n != name {
				list = append(list, n+"="+v)
			}
		}
		return append(list, name+"="+value)
	}
	if code, _, stderr := run(t, "", vars("LOGIN_LOG_LEVEL", "info"), "check"); code != 0 {
		t.Fatalf("good values: %s", stderr)
	}
	if code, _, stderr := run(t, "", vars("LOGIN_DATABASE_URL", "postgres://login:secret@db1.invalid,db2.invalid/hasura?target_session_attrs=read-write&statement_timeout=3000&pool_max_conns=5"), "check"); code != 0 {
		t.Fatalf("several servers: %s", stderr)
	}
	for name, values := range map[string][]string{
		"LOGIN_DATABASE_URL": {
			"db.invalid:5432/hasura", "mysql://login:secret@db/hasura", "postgres://login:secret@[::1/hasura", "postgres://login:se%zzcret@db/hasura",
			"postgres://login:secret@db:port/hasura", "postgres://login:secret@db/hasura?sslmode=maybe", "postgres://login:secret@db/hasura?pool_max_conns=0",
			"postgres://login:secret@db/hasura?statement_timeout=5s", "postgres://login:secret@db/hasura?target_session_attrs=writable",
			"postgres://login:secret@db/hasura?sslrootcert=/nonexistent&sslmode=verify-full", "postgres://login:secret@db/hasura?default_query_exec_mode=fast",
		},
		"LOGIN_REDIS_URL":      {"redis.invalid:6379", "http://redis.invalid", "redis://login:secret@redis.invalid:x/0", "redis://redis.invalid/zero"},
		"LOGIN_LISTEN":         {"3000", ":http-alt-no", ":70000", "127.0.0.1:"},
		"LOGIN_OPS_LISTEN":     {"metrics", ":-1"},
		"LOGIN_AUDIENCE":       {"a b:c"},
		"LOGIN_ISSUER":         {"not a:uri", "http://login.example.org"},
		"LOGIN_MAIL_SMTP_HOST": {"smtp.example.org"}, // without a sender
	} {
		for _, value := range values {
			code, _, stderr := run(t, "", vars(name, value), "check")
			if code != 1 || !strings.Contains(stderr, "LOGIN_") {
				t.Errorf("%s=%s: check ends with %d and says %q", name, value, code, stderr)
			}
			if strings.Contains(stderr, "secret@") || strings.Contains(stderr, "se%zz") {
				t.Errorf("%s=%s: the password is repeated: %s", name, value, stderr)
			}
			if code, _, stderr := run(t, "", vars(name, value), "serve"); code != 1 {
				t.Errorf("%s=%s: serve ends with %d and says %q", name, value, code, stderr)
			}
		}
	}
}

func TestKeysRevoke_AsksAndTakesNoForNo(t *testing.T) {
	vars := []string{"LOGIN_KEYS_DIR=" + filepath.Join(t.TempDir(), "keys")}
	_, made, _ := run(t, "", vars, "keys", "rotate", "--json")
	kid := strings.Split(strings.Split(made, `"kid": "`)[1], `"`)[0]
	if code, stdout, _ := run(t, "n\n", vars, "keys", "revoke", kid); code != 1 || !strings.Contains(stdout, "[y/N]") {
		t.Errorf("a no: exit code %d, %s", code, stdout)
	}
	if code, stdout, stderr := run(t, "y\n", vars, "keys", "revoke", kid); code != 0 || !strings.Contains(stdout, "replace-service hasura") {
		t.Errorf("a yes: exit code %d, %s %s", code, stdout, stderr)
	}
	if _, listed, _ := run(t, "", vars, "keys", "list"); strings.Contains(listed, kid) || !strings.Contains(listed, "active") {
		t.Errorf("after revoking %s: %s", kid, listed)
	}
}
