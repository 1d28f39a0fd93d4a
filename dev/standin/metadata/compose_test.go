package metadata_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"hasura-login/app/testserver"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
	"hasura-login/hasura"
)

type composeService struct {
	Environment map[string]any `yaml:"environment"`
	Command     any            `yaml:"command"`
	Volumes     []string       `yaml:"volumes"`
}

// services reads the two services that load the metadata.
func services(t *testing.T, file string) map[string]composeService {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), file))
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]composeService `yaml:"services"`
	}
	// A key next to a merge of the same key is not a duplicate.
	if err := yaml.UnmarshalWithOptions(b, &compose, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hasura", "migrate"} {
		if _, ok := compose.Services[name]; !ok {
			t.Fatalf("%s has no service %s", file, name)
		}
	}
	return map[string]composeService{"hasura": compose.Services["hasura"], "migrate": compose.Services["migrate"]}
}

// mounted is the host's path of what lies at a path of the container.
func (s composeService) mounted(target string) string {
	for _, v := range s.Volumes {
		parts := strings.Split(v, ":")
		if len(parts) > 1 && (parts[1] == target || strings.HasPrefix(target, parts[1]+"/")) {
			return path.Join(parts[0], strings.TrimPrefix(target, parts[1]))
		}
	}
	return ""
}

// exports reports whether a script that the service runs exports the variable.
func (s composeService) exports(t *testing.T, name string) bool {
	t.Helper()
	script := ""
	if words, ok := s.Command.([]any); ok && len(words) > 0 {
		script, _ = words[len(words)-1].(string)
	}
	if file := s.mounted("/entrypoint.sh"); file != "" {
		b, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), file))
		if err != nil {
			t.Fatal(err)
		}
		script += string(b)
	}
	return regexp.MustCompile(`(?m)^\s*export [^#\n]*\b` + name + `\b`).MatchString(script)
}

func TestCompose_GivesTheMetadataWhatItNames(t *testing.T) {
	m, err := metadata.Load(hasura.Project())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"docker-compose.dev.yml", "docker-compose.prod.yml"} {
		for name, s := range services(t, file) {
			t.Run(file+" "+name, func(t *testing.T) {
				for _, variable := range m.EnvNames() {
					if _, set := s.Environment[variable]; !set && !s.exports(t, variable) {
						t.Errorf("%s is not set: objects of the metadata would be inconsistent", variable)
					}
				}
				prefix, _ := s.Environment["HASURA_GRAPHQL_DYNAMIC_SECRETS_ALLOWED_PATH_PREFIX"].(string)
				for _, secret := range m.SecretFiles() {
					if prefix == "" || !strings.HasPrefix(secret, prefix) {
						t.Errorf("the engine may read below %q only, not %s", prefix, secret)
					}
					if s.mounted(secret) == "" {
						t.Errorf("no volume brings %s", secret)
					}
				}
			})
		}
	}
}

func TestCompose_SetsWhatTheMetadataRestsOn(t *testing.T) {
	for _, file := range []string{"docker-compose.dev.yml", "docker-compose.prod.yml"} {
		t.Run(file, func(t *testing.T) {
			all := services(t, file)
			engine := all["hasura"].Environment
			if engine["HASURA_GRAPHQL_UNAUTHORIZED_ROLE"] != "public" {
				t.Error("requests without a token do not run as public")
			}
			if engine["HASURA_GRAPHQL_CONFIGURED_HEADER_PRECEDENCE"] != "true" {
				t.Error("a client's header would beat a configured one")
			}
			secret, _ := engine["HASURA_GRAPHQL_JWT_SECRET"].(string)
			j, err := auth.ParseJWT(secret)
			if err != nil {
				t.Fatal(err)
			}
			if j.JWKURL != "http://login:3000/.well-known/jwks.json" || j.Issuer == "" || len(j.Audience) == 0 || j.AllowedSkew != 5 {
				t.Errorf("JWT setting %s", secret)
			}
			// The job would wait for login's keys, and login may wait for the job.
			if all["migrate"].Environment["HASURA_GRAPHQL_JWT_SECRET"] != nil {
				t.Error("the migrations job has a JWT setting")
			}
		})
	}
}
