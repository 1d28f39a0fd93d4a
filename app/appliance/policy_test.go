package appliance_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"hasura-login/app/testserver"
)

// A rule is one row of the CIS Docker Benchmark 1.7, or one of our own, that every
// service has to keep.
type rule struct {
	name  string
	check func(types.ServiceConfig) error
}

// Images without any program that could ask; Prometheus' scrape is their check.
var probedByPrometheus = []string{"redis-exporter", "nginx-exporter", "edge-metrics"}

// Jobs end; their exit status is their health.
var jobs = []string{"migrate"}

var numericUser = regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`)

var rules = []rule{
	{"CIS 4.1 a numeric user that is not root", func(s types.ServiceConfig) error {
		return unless(numericUser.MatchString(s.User), "user is %q", s.User)
	}},
	{"CIS 4.6 and 5.27 a health check", func(s types.ServiceConfig) error {
		switch checked := s.HealthCheck != nil && !s.HealthCheck.Disable && len(s.HealthCheck.Test) > 0; {
		case slices.Contains(jobs, s.Name):
			return unless(s.HealthCheck != nil && s.HealthCheck.Disable, "a job inherits its image's check")
		case slices.Contains(probedByPrometheus, s.Name):
			return unless(!checked, "has a check and is listed as having none")
		default:
			return unless(checked, "none")
		}
	}},
	{"CIS 5.2 and 5.22 Docker's own AppArmor and seccomp profiles", func(s types.ServiceConfig) error {
		for _, o := range s.SecurityOpt {
			if strings.HasPrefix(o, "seccomp") || strings.HasPrefix(o, "apparmor") || strings.HasPrefix(o, "label") {
				return errors.New(o)
			}
		}
		return nil
	}},
	{"CIS 5.4 no capability", func(s types.ServiceConfig) error {
		return unless(slices.Equal(s.CapDrop, []string{"ALL"}) && len(s.CapAdd) == 0, "dropped %v, added %v", s.CapDrop, s.CapAdd)
	}},
	{"CIS 5.5 not privileged", func(s types.ServiceConfig) error {
		return unless(!s.Privileged, "privileged")
	}},
	{"CIS 5.6 and 5.32 nothing of the host but the project's folder, no Docker socket", func(s types.ServiceConfig) error {
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind && !inside(projectFolder, v.Source) {
				return fmt.Errorf("mounts %s", v.Source)
			}
			if strings.Contains(v.Source+v.Target, "docker.sock") {
				return fmt.Errorf("mounts %s", v.Source)
			}
		}
		return nil
	}},
	{"CIS 5.8 and 5.9 only nginx publishes ports", func(s types.ServiceConfig) error {
		return unless(s.Name == "nginx" || len(s.Ports) == 0, "publishes %v", s.Ports)
	}},
	{"CIS 5.10 and 5.30 networks of its own", func(s types.ServiceConfig) error {
		_, onDefault := s.Networks["default"]
		return unless(s.NetworkMode == "" && len(s.Networks) > 0 && !onDefault, "network mode %q, networks %v", s.NetworkMode, s.NetworksByPriority())
	}},
	{"CIS 5.11 a memory limit without swap", func(s types.ServiceConfig) error {
		return unless(s.MemLimit > 0 && s.MemSwapLimit == s.MemLimit, "memory %d, with swap %d", s.MemLimit, s.MemSwapLimit)
	}},
	{"CIS 5.12 a CPU weight and no quota", func(s types.ServiceConfig) error {
		return unless(s.CPUShares > 0 && s.CPUS == 0 && s.CPUQuota == 0 && s.Deploy == nil, "shares %d, cpus %v, quota %d", s.CPUShares, s.CPUS, s.CPUQuota)
	}},
	{"CIS 5.13 a read-only root", func(s types.ServiceConfig) error {
		return unless(s.ReadOnly, "writable")
	}},
	{"CIS 5.15 comes back after a failure", func(s types.ServiceConfig) error {
		want := "unless-stopped"
		if slices.Contains(jobs, s.Name) {
			want = "no"
		}
		return unless(s.Restart == want, "restart is %q", s.Restart)
	}},
	{"CIS 5.16, 5.17, 5.21 and 5.31 no namespace of the host", func(s types.ServiceConfig) error {
		return unless(s.Pid+s.Ipc+s.Uts+s.UserNSMode+s.Cgroup == "", "pid %q, ipc %q, uts %q, userns %q, cgroup %q", s.Pid, s.Ipc, s.Uts, s.UserNSMode, s.Cgroup)
	}},
	{"CIS 5.18 no device", func(s types.ServiceConfig) error {
		return unless(len(s.Devices) == 0 && len(s.DeviceCgroupRules) == 0 && len(s.Gpus) == 0, "%v", s.Devices)
	}},
	{"CIS 5.19 limits on files and no core file", func(s types.ServiceConfig) error {
		files, core := s.Ulimits["nofile"], s.Ulimits["core"]
		return unless(files != nil && files.Hard > 0 && core != nil && core.Single == 0 && core.Hard == 0, "%v", s.Ulimits)
	}},
	{"CIS 5.20 no shared mount", func(s types.ServiceConfig) error {
		for _, v := range s.Volumes {
			if v.Bind != nil && v.Bind.Propagation != "" {
				return fmt.Errorf("%s is %s", v.Target, v.Bind.Propagation)
			}
		}
		return nil
	}},
	{"CIS 5.25 the engine's own cgroup", func(s types.ServiceConfig) error {
		return unless(s.CgroupParent == "", "%s", s.CgroupParent)
	}},
	{"CIS 5.26 no new privileges", func(s types.ServiceConfig) error {
		return unless(slices.Contains(s.SecurityOpt, "no-new-privileges:true"), "%v", s.SecurityOpt)
	}},
	{"CIS 5.28 an image by a tag that says its version", func(s types.ServiceConfig) error {
		_, tag, tagged := strings.Cut(s.Image[strings.LastIndex(s.Image, "/")+1:], ":")
		return unless(tagged && tag != "latest" && (s.Image == "hasura-login:dev" || strings.ContainsAny(tag, "0123456789")), "%s", s.Image)
	}},
	{"CIS 5.29 a limit on processes", func(s types.ServiceConfig) error {
		return unless(s.PidsLimit > 0, "%d", s.PidsLimit)
	}},
	{"logs rotate", func(s types.ServiceConfig) error {
		l := s.Logging
		return unless(l != nil && l.Driver == "json-file" && l.Options["max-size"] == "10m" && l.Options["max-file"] == "3", "%+v", l)
	}},
	{"temporary files are in sized memory, where nothing runs", func(s types.ServiceConfig) error {
		for _, mount := range s.Tmpfs {
			_, options, _ := strings.Cut(mount, ":")
			has := func(o string) bool { return slices.Contains(strings.Split(options, ","), o) }
			// The migrations tool unpacks a helper and runs it.
			if !strings.Contains(options, "size=") || !has("nosuid") || !has("nodev") || has("noexec") == slices.Contains(jobs, s.Name) {
				return errors.New(mount)
			}
		}
		return nil
	}},
	{"secrets are a folder of its own, read-only", func(s types.ServiceConfig) error {
		for _, v := range s.Volumes {
			rel, _ := filepath.Rel(filepath.Join(projectFolder, "secrets"), v.Source)
			if v.Type != types.VolumeTypeBind || strings.HasPrefix(rel, "..") {
				continue
			}
			own := rel == s.Name && v.Target == "/run/secrets" && v.ReadOnly
			writesNginxCertificates := s.Name == "acme" && rel == "nginx/tls"
			if !own && !writesNginxCertificates {
				return fmt.Errorf("mounts secrets/%s at %s", rel, v.Target)
			}
		}
		return unless(len(s.Secrets) == 0, "compose ignores the owner and mode of a secret that is a file")
	}},
	{"no secret in the environment", func(s types.ServiceConfig) error {
		for name, value := range s.Environment {
			file := strings.HasSuffix(name, "_FILE") || strings.HasSuffix(name, "_FROM_FILE") || strings.HasSuffix(name, "__FILE")
			secret := regexp.MustCompile(`SECRET|PASSWORD|TOKEN|DATABASE_URL`).MatchString(name)
			harmless := name == "HASURA_GRAPHQL_JWT_SECRET" || name == "HASURA_GRAPHQL_DYNAMIC_SECRETS_ALLOWED_PATH_PREFIX" ||
				strings.HasPrefix(name, "LOGIN_PASSWORD_") || (value != nil && strings.HasPrefix(*value, "dynamic-from-file://"))
			if secret && !file && !harmless {
				return errors.New(name)
			}
		}
		return nil
	}},
	{"folders of the project are read-only but where data lives", func(s types.ServiceConfig) error {
		writable := map[string]string{"login": "/keys", "acme": "/tls"}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind && !v.ReadOnly && v.Target != writable[s.Name] {
				return fmt.Errorf("%s is writable", v.Target)
			}
		}
		return nil
	}},
	{"can run twice side by side", func(s types.ServiceConfig) error {
		return unless(s.ContainerName == "" && s.Hostname == "", "is named %q %q", s.ContainerName, s.Hostname)
	}},
}

var projectFolder string

func unless(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func inside(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != "." && rel != ".." && !strings.HasPrefix(rel, "../")
}

func TestPolicy_EveryServiceKeepsEveryRule(t *testing.T) {
	projectFolder = testserver.RepoRoot(t)
	p := production(t)
	if len(p.Services) < 15 {
		t.Fatalf("only %d services were looked at", len(p.Services))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for name, s := range p.Services {
				if err := r.check(s); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// Each entry breaks one rule of one service. The check must report it.
func TestPolicy_CatchesEachViolation(t *testing.T) {
	projectFolder = testserver.RepoRoot(t)
	violations := []struct{ rule, override string }{
		{"CIS 4.1 a numeric user that is not root", `login: {user: root}`},
		{"CIS 4.1 a numeric user that is not root", `login: {user: "0:0"}`},
		{"CIS 4.1 a numeric user that is not root", `login: {user: "10001:0"}`},
		{"CIS 4.1 a numeric user that is not root", `login: {user: !reset null}`},
		{"CIS 4.6 and 5.27 a health check", `login: {healthcheck: !reset null}`},
		{"CIS 4.6 and 5.27 a health check", `login: {healthcheck: {disable: true}}`},
		{"CIS 4.6 and 5.27 a health check", `migrate: {healthcheck: !reset null}`},
		{"CIS 5.2 and 5.22 Docker's own AppArmor and seccomp profiles", `hasura: {security_opt: ["seccomp:unconfined"]}`},
		{"CIS 5.4 no capability", `nginx: {cap_add: [NET_BIND_SERVICE]}`},
		{"CIS 5.4 no capability", `nginx: {cap_drop: !reset []}`},
		{"CIS 5.5 not privileged", `postgres: {privileged: true}`},
		{"CIS 5.6 and 5.32 nothing of the host but the project's folder, no Docker socket", `prometheus: {volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"]}`},
		{"CIS 5.6 and 5.32 nothing of the host but the project's folder, no Docker socket", `node-exporter: {volumes: ["/:/host:ro"]}`},
		{"CIS 5.6 and 5.32 nothing of the host but the project's folder, no Docker socket", `acme: {volumes: [".:/project:ro"]}`},
		{"CIS 5.8 and 5.9 only nginx publishes ports", `postgres: {ports: ["5432:5432"]}`},
		{"CIS 5.10 and 5.30 networks of its own", `redis: {networks: !reset null}`},
		{"CIS 5.10 and 5.30 networks of its own", `redis: {networks: !reset null, network_mode: host}`},
		{"CIS 5.11 a memory limit without swap", `hasura: {mem_limit: !reset null}`},
		{"CIS 5.11 a memory limit without swap", `hasura: {memswap_limit: 8g}`},
		{"CIS 5.12 a CPU weight and no quota", `login: {cpus: 1}`},
		{"CIS 5.12 a CPU weight and no quota", `login: {cpu_shares: !reset null}`},
		{"CIS 5.13 a read-only root", `grafana: {read_only: false}`},
		{"CIS 5.15 comes back after a failure", `nginx: {restart: "no"}`},
		{"CIS 5.15 comes back after a failure", `migrate: {restart: always}`},
		{"CIS 5.16, 5.17, 5.21 and 5.31 no namespace of the host", `node-exporter: {pid: host}`},
		{"CIS 5.18 no device", `login: {devices: ["/dev/mem:/dev/mem"]}`},
		{"CIS 5.19 limits on files and no core file", `login: {ulimits: !reset null}`},
		{"CIS 5.20 no shared mount", `nginx: {volumes: [{type: bind, source: ./docs, target: /docs, read_only: true, bind: {propagation: shared}}]}`},
		{"CIS 5.25 the engine's own cgroup", `login: {cgroup_parent: elsewhere}`},
		{"CIS 5.26 no new privileges", `login: {security_opt: !reset []}`},
		{"CIS 5.28 an image by a tag that says its version", `nginx: {image: nginx}`},
		{"CIS 5.28 an image by a tag that says its version", `nginx: {image: "registry.example.org:5000/nginx"}`},
		{"CIS 5.28 an image by a tag that says its version", `nginx: {image: "nginx:latest"}`},
		{"CIS 5.28 an image by a tag that says its version", `nginx: {image: "nginx:stable"}`},
		{"CIS 5.29 a limit on processes", `login: {pids_limit: !reset null}`},
		{"CIS 5.29 a limit on processes", `login: {pids_limit: -1}`},
		{"logs rotate", `login: {logging: !reset null}`},
		{"temporary files are in sized memory, where nothing runs", `hasura: {tmpfs: ["/scratch:size=1m"]}`},
		{"temporary files are in sized memory, where nothing runs", `hasura: {tmpfs: ["/scratch:noexec,nosuid,nodev"]}`},
		{"secrets are a folder of its own, read-only", `prometheus: {volumes: ["./secrets/login:/run/secrets:ro"]}`},
		{"secrets are a folder of its own, read-only", `login: {volumes: ["./secrets/login/edge_secret:/run/secrets/edge_secret:ro"]}`},
		{"no secret in the environment", `hasura: {environment: {HASURA_GRAPHQL_ADMIN_SECRET: x}}`},
		{"folders of the project are read-only but where data lives", `nginx: {volumes: ["./nginx:/etc/nginx"]}`},
		{"can run twice side by side", `login: {container_name: login}`},
	}
	tried := map[string]bool{}
	for _, v := range violations {
		tried[v.rule] = true
		t.Run(v.rule+"/"+v.override, func(t *testing.T) {
			name, _, _ := strings.Cut(v.override, ":")
			p := production(t, "services:\n  "+v.override)
			for _, r := range rules {
				if err := r.check(p.Services[name]); (err != nil) != (r.name == v.rule) {
					t.Errorf("rule %q says %v", r.name, err)
				}
			}
		})
	}
	for _, r := range rules {
		if !tried[r.name] {
			t.Errorf("nothing shows that %q notices anything", r.name)
		}
	}
}

func TestPolicy_AnchorsOnlyNoFileOutsideTheOneThatIsRead(t *testing.T) {
	for _, file := range []string{prodFile, devFile} {
		if regexp.MustCompile(`(?m)^\s*(extends|include):`).MatchString(read(t, file)) {
			t.Errorf("%s: a reader would have to look elsewhere", file)
		}
	}
}
