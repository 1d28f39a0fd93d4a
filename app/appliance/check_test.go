package appliance_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"hasura-login/app/cmd"
	"hasura-login/app/testserver"
)

// Runs `check` for each service of login's image, with exactly the environment that its
// compose file gives it and the secrets that the scripts make. Otherwise the first user
// would find out that a service exits at its start because of its own compose file.
func TestCompose_LoginTakesTheEnvironmentOfEachFile(t *testing.T) {
	env, _ := exampleEnv(t)
	made := t.TempDir()
	makeSecrets := exec.Command(filepath.Join(testserver.RepoRoot(t), "scripts/init-secrets"))
	makeSecrets.Env = append(os.Environ(), "HASURA_LOGIN_ROOT="+made)
	if out, err := makeSecrets.CombinedOutput(); err != nil {
		t.Fatalf("init-secrets: %v\n%s", err, out)
	}
	asked := 0
	for _, c := range []struct {
		name string
		file string
		env  types.Mapping
	}{
		{"development", devFile, types.Mapping{}},
		{"development with an operator's .env", devFile, env},
		{"production", prodFile, env},
		{"production with hosted pages and verified addresses", prodFile, with(env, map[string]string{
			"LOGIN_HOSTED_PAGES": "true", "LOGIN_REQUIRE_VERIFIED_EMAIL": "true",
			"LOGIN_MAIL_SMTP_HOST": "smtp.example.org", "LOGIN_MAIL_FROM": "login@example.org",
		})},
		{"production with Redis", prodFile, with(env, map[string]string{"LOGIN_REDIS_URL_FILE": "/run/secrets/redis_url"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := load(t, c.file, c.env)
			if err != nil {
				t.Fatal(err)
			}
			for name, s := range p.Services {
				if !strings.HasPrefix(s.Image, "hasura-login:") || len(s.Command) > 0 && s.Command[0] == "edge-metrics" {
					continue // which reads no setting
				}
				asked++
				args := []string{"check"}
				if len(s.Command) > 0 && s.Command[0] != "serve" {
					args = s.Command
				}
				var out, complaints bytes.Buffer
				code := cmd.Main(t.Context(), args, cmd.Environment{
					Stdin: strings.NewReader(""), Stdout: &out, Stderr: &complaints,
					Vars: varsOf(s, map[string]string{"/run/secrets/": filepath.Join(made, "secrets/login") + "/", "/keys": t.TempDir()}),
				})
				if code != 0 {
					t.Errorf("%s %v exits with %d:\n%s", name, args, code, complaints.String())
				}
			}
		})
	}
	if asked < 6 {
		t.Fatalf("only %d services were asked", asked)
	}
}

func with(env types.Mapping, more map[string]string) types.Mapping {
	all := types.Mapping{}
	for _, m := range []map[string]string{env, more} {
		for name, value := range m {
			all[name] = value
		}
	}
	return all
}

// varsOf is a service's environment as its container has it, with the container's
// folders put in their place here.
func varsOf(s types.ServiceConfig, folders map[string]string) []string {
	var vars []string
	for name, value := range s.Environment {
		if value == nil {
			continue
		}
		text := *value
		for inside, here := range folders {
			if strings.HasPrefix(text, inside) {
				text = here + strings.TrimPrefix(text, inside)
			}
		}
		vars = append(vars, name+"="+text)
	}
	return vars
}

// In the development file, nginx and Hasura present to login the secrets that login
// knows.
func TestCompose_DevelopmentSharesItsSecrets(t *testing.T) {
	dev, err := load(t, devFile, types.Mapping{})
	if err != nil {
		t.Fatal(err)
	}
	login := dev.Services["login"].Environment
	if got := read(t, "ops/dev/secrets/hasura/action_secret"); got != *login["LOGIN_ACTION_SECRET"] {
		t.Errorf("Hasura shows the action secret %q", got)
	}
	if include := read(t, "ops/dev/secrets/nginx/edge_secret.conf"); !strings.Contains(include, `default "`+*login["LOGIN_EDGE_SECRET"]+`";`) {
		t.Errorf("nginx shows another edge secret than login's: %s", include)
	}
}
