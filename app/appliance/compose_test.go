package appliance_test

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"hasura-login/app/testserver"
)

const (
	prodFile = "docker-compose.prod.yml"
	devFile  = "docker-compose.dev.yml"
)

// read returns one of the project's own files.
func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), name)) // #nosec G304 -- the project's own files
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var setting = regexp.MustCompile(`(?m)^(#?)([A-Z][A-Z0-9_]*)=(.*)$`)

// exampleEnv is .env.example: the settings in force, and the names of those that
// are only offered.
func exampleEnv(t testing.TB) (inForce types.Mapping, offered []string) {
	t.Helper()
	inForce = types.Mapping{}
	for _, m := range setting.FindAllStringSubmatch(read(t, ".env.example"), -1) {
		if m[1] == "" {
			inForce[m[2]] = m[3]
		} else {
			offered = append(offered, m[2])
		}
	}
	return inForce, offered
}

// load reads a compose file as the compose command does, every profile on, with
// overrides merged over it.
func load(t testing.TB, file string, env types.Mapping, overrides ...string) (*types.Project, error) {
	t.Helper()
	root := testserver.RepoRoot(t)
	files := []types.ConfigFile{{Filename: filepath.Join(root, file), Content: []byte(read(t, file))}}
	for _, o := range overrides {
		files = append(files, types.ConfigFile{Filename: filepath.Join(root, "override.yml"), Content: []byte(o)})
	}
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: root, ConfigFiles: files, Environment: env,
	}, func(o *loader.Options) { o.Profiles = []string{"*"} })
}

// production is docker-compose.prod.yml with the settings of .env.example.
func production(t testing.TB, overrides ...string) *types.Project {
	t.Helper()
	env, _ := exampleEnv(t)
	p, err := load(t, prodFile, env, overrides...)
	if err != nil {
		t.Fatalf("loading %s: %v", prodFile, err)
	}
	return p
}

func TestCompose_EverySettingIsExplained(t *testing.T) {
	inForce, offered := exampleEnv(t)
	known := append(slices.Collect(maps.Keys(inForce)), offered...)
	variable := regexp.MustCompile(`\$\{([A-Z][A-Z0-9_]*)`)
	for _, file := range []string{prodFile, devFile} {
		for _, m := range variable.FindAllStringSubmatch(read(t, file), -1) {
			if strings.Contains(read(t, file), "$$"+strings.TrimPrefix(m[0], "$")) {
				continue // a shell variable of a command, not a setting
			}
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s uses %s, which .env.example does not explain", file, m[1])
			}
		}
	}
}

func TestCompose_LoginSettingsOfTheExampleReachLogin(t *testing.T) {
	inForce, offered := exampleEnv(t)
	login := production(t).Services["login"]
	raw := read(t, prodFile)
	for _, name := range append(slices.Collect(maps.Keys(inForce)), offered...) {
		if !strings.HasPrefix(name, "LOGIN_") {
			continue
		}
		if _, set := login.Environment[name]; !set && !strings.Contains(raw, "\n      "+name+":\n") {
			t.Errorf("%s is in .env.example, but docker-compose.prod.yml does not pass it to login", name)
		}
	}
}

func TestCompose_RefusesAnEmptyValueThatWouldBeAHole(t *testing.T) {
	env, _ := exampleEnv(t)
	required := regexp.MustCompile(`\$\{([A-Z][A-Z0-9_]*):\?`)
	names := map[string]bool{}
	for _, m := range required.FindAllStringSubmatch(read(t, prodFile), -1) {
		names[m[1]] = true
	}
	delete(names, "HASURA_GRAPHQL_ADMIN_SECRET") // asked by the container's shell
	delete(names, "ACTION_SECRET")
	for _, want := range []string{"LOGIN_ISSUER", "LOGIN_AUDIENCE", "LOGIN_CORS_ORIGINS", "SITE_NAMES", "HASURA_IMAGE"} {
		if !names[want] {
			t.Errorf("%s may be empty", want)
		}
	}
	for name := range names {
		emptied := maps.Clone(env)
		emptied[name] = ""
		if _, err := load(t, prodFile, emptied); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("with an empty %s the file loads (%v)", name, err)
		}
	}
}

func TestCompose_MetadataFindsItsEnvironment(t *testing.T) {
	needs := regexp.MustCompile(`\{\{([A-Z_]+)\}\}|(?:value_)?from_env: ([A-Z_]+)`)
	var names []string
	root := filepath.Join(testserver.RepoRoot(t), "hasura/metadata")
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(testserver.RepoRoot(t), path)
		for _, m := range needs.FindAllStringSubmatch(read(t, rel), -1) {
			names = append(names, m[1]+m[2])
		}
		return nil
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("found no names in the metadata (%v)", err)
	}
	env, _ := exampleEnv(t)
	for _, file := range []string{prodFile, devFile} {
		p, err := load(t, file, env)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if _, ok := p.Services["hasura"].Environment[name]; !ok && !strings.Contains(strings.Join(p.Services["hasura"].Command, " "), "export HASURA_GRAPHQL_ADMIN_SECRET "+name) {
				t.Errorf("%s: hasura gets no %s", file, name)
			}
			if _, ok := p.Services["migrate"].Environment[name]; !ok && !strings.Contains(read(t, "ops/migrate/entrypoint.sh"), "export HASURA_GRAPHQL_ADMIN_SECRET "+name) {
				t.Errorf("%s: migrate gets no %s", file, name)
			}
		}
	}
}

func TestCompose_DevelopmentListensOnLoopbackAloneAndUsesTheSameImages(t *testing.T) {
	env, _ := exampleEnv(t)
	dev, err := load(t, devFile, types.Mapping{}) // "docker compose up" is all: no settings
	if err != nil {
		t.Fatal(err)
	}
	prod := production(t)
	for name, s := range dev.Services {
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s on %q", name, p.Published, p.HostIP)
			}
		}
		if name == "keys" || name == "mailpit" {
			continue // production's first key is made by scripts/install, and its mail leaves
		}
		if name != "login" && s.Image != prod.Services[name].Image {
			t.Errorf("%s runs %s, production %s", name, s.Image, prod.Services[name].Image)
		}
		if s.User != prod.Services[name].User {
			t.Errorf("%s runs as %s, production as %s", name, s.User, prod.Services[name].User)
		}
	}
	for _, text := range []string{read(t, "Dockerfile"), read(t, devFile)} {
		if !strings.Contains(text, env["GO_IMAGE"]) {
			t.Errorf("the builder is not %s", env["GO_IMAGE"])
		}
	}
}

// Login demands TLS and a certificate that it trusts of every mail server, so of the
// mail catcher too.
func TestCompose_DevelopmentTrustsItsMailCatcher(t *testing.T) {
	dev, err := load(t, devFile, types.Mapping{})
	if err != nil {
		t.Fatal(err)
	}
	login, catcher := dev.Services["login"], dev.Services["mailpit"]
	own := func(s types.ServiceConfig, path string) string {
		for _, v := range s.Volumes {
			if path == v.Target || strings.HasPrefix(path, v.Target+"/") {
				return v.Source + strings.TrimPrefix(path, v.Target)
			}
		}
		t.Fatalf("%s has no %s", s.Name, path)
		return ""
	}
	pair, err := tls.LoadX509KeyPair(own(catcher, *catcher.Environment["MP_SMTP_TLS_CERT"]), own(catcher, *catcher.Environment["MP_SMTP_TLS_KEY"]))
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := os.ReadFile(own(login, *login.Environment["SSL_CERT_DIR"]+"/cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	_, err = pair.Leaf.Verify(x509.VerifyOptions{DNSName: *login.Environment["LOGIN_MAIL_SMTP_HOST"], Roots: roots, CurrentTime: time.Now().AddDate(10, 0, 0)})
	if err != nil || *login.Environment["LOGIN_MAIL_SMTP_HOST"] != catcher.Name {
		t.Errorf("login does not trust %s: %v", catcher.Name, err)
	}
}
