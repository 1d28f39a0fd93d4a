package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// engine stands in Docker's place: it answers the calls that the scripts make
// with the real processes of one appliance. Its containers are those processes;
// a program "in" a container is the same program, started with the container's
// environment. It makes no answer up: a call that it cannot map fails, and the
// test with it.
type engine struct {
	t       *testing.T
	compose []string // how every call of compose begins
	start   func(service string) (*container, error)
	// inside maps a program in a service's container to one on this machine.
	inside func(c *container, argv []string) *program

	mu         sync.Mutex
	containers []*container // oldest first
	socket     string
}

// container is a running process of a service.
type container struct {
	service string
	// name is what Docker's network resolves. Of login and Hasura it is a loopback
	// address of their own, so that it resolves here too.
	name    string
	healthy func() error
	stop    func(grace time.Duration)
	logs    func() string
	env     []string
	exited  bool
}

// program is what runs in place of a program in a container.
type program struct {
	Argv []string
	Env  []string
	UID  int // 0: whoever runs the test
}

// answer is what a call of docker comes to: a program to become, or words and a status.
type answer struct {
	Program *program
	Out     string
	Err     string
	Status  int
}

// engineVariable names the engine's socket in the environment of scripts.
const engineVariable = "E2E_DOCKER_ENGINE"

// callDocker is the program "docker" of the scripts: this test's own binary
// under that name.
func callDocker(args []string) int {
	body, _ := json.Marshal(args)
	c := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", os.Getenv(engineVariable))
	}}}
	resp, err := c.Post("http://engine/", "application/json", bytes.NewReader(body))
	if err != nil {
		fmt.Fprintln(os.Stderr, "Cannot connect to the Docker daemon:", err)
		return 125
	}
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		fmt.Fprintln(os.Stderr, "the engine's answer:", err)
		return 125
	}
	if a.Program != nil {
		fmt.Fprintln(os.Stderr, "starting in a container:", a.Program.become())
		return 126
	}
	_, _ = io.WriteString(os.Stdout, a.Out)
	_, _ = io.WriteString(os.Stderr, a.Err)
	return a.Status
}

// become replaces this process by the program.
func (p *program) become() error {
	path, err := exec.LookPath(p.Argv[0])
	if err != nil {
		return err
	}
	if p.UID != 0 && os.Geteuid() == 0 {
		if err := syscall.Setgroups(nil); err != nil {
			return err
		}
		if err := syscall.Setgid(p.UID); err != nil {
			return err
		}
		if err := syscall.Setuid(p.UID); err != nil {
			return err
		}
	}
	return syscall.Exec(path, p.Argv, p.Env)
}

// listen makes the engine answer, and returns the environment by which a script
// finds it.
func (e *engine) listen(dir string) []string {
	e.t.Helper()
	self, err := os.Executable()
	check(e.t, err)
	check(e.t, os.MkdirAll(filepath.Join(dir, "bin"), 0o755))
	check(e.t, os.Symlink(self, filepath.Join(dir, "bin/docker")))
	e.socket = filepath.Join(dir, "engine.sock")
	ln, err := net.Listen("unix", e.socket)
	check(e.t, err)
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var args []string
		_ = json.NewDecoder(r.Body).Decode(&args)
		_ = json.NewEncoder(w).Encode(e.call(args))
	})}
	go func() { _ = server.Serve(ln) }()
	e.t.Cleanup(func() { _ = server.Close() })
	return []string{engineVariable + "=" + e.socket, "PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")}
}

func words(text string) answer { return answer{Out: text} }

func fails(status int, format string, args ...any) answer {
	return answer{Status: status, Err: fmt.Sprintf(format, args...) + "\n"}
}

// unknown is the answer to what cannot be mapped.
func (e *engine) unknown(args []string) answer {
	e.t.Errorf("a script calls what this engine does not know: docker %q", args)
	return fails(64, "this engine does not know: docker %q", args)
}

// call answers one call of docker; they come one at a time, as the scripts make them.
func (e *engine) call(args []string) answer {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(args) == 0 {
		return e.unknown(args)
	}
	switch rest := args[1:]; {
	case args[0] == "ps":
		return e.list(args)
	case args[0] == "inspect" && len(rest) == 3 && rest[0] == "--format" && strings.Contains(rest[1], ".State.Health.Status"):
		return e.state(rest[2])
	case args[0] == "logs" && len(rest) == 3 && (rest[0] == "--tail" || rest[0] == "--since"):
		return e.logs(rest[2])
	case args[0] == "stop" && len(rest) == 3 && rest[0] == "-t":
		return e.stop(rest[2], rest[1])
	case args[0] == "rm" && len(rest) == 2 && rest[0] == "--force":
		return e.remove(rest[1])
	case args[0] == "exec" && len(rest) > 2 && rest[0] == "--interactive":
		return e.exec(args, e.named(rest[1]), rest[2:])
	case args[0] == "compose" && len(args) > len(e.compose) && slices.Equal(args[:len(e.compose)], e.compose):
		return e.callCompose(args, args[len(e.compose):])
	}
	return e.unknown(args)
}

func (e *engine) callCompose(args, rest []string) answer {
	up := []string{"up", "--detach", "--no-deps", "--no-build", "--no-recreate", "--scale", "hasura=2", "hasura"}
	switch {
	case slices.Equal(rest, up):
		return e.scaleToTwo("hasura")
	case rest[0] == "exec" && len(rest) > 3 && rest[1] == "-T":
		running := e.running(rest[2])
		if len(running) == 0 {
			return fails(1, "service %q is not running", rest[2])
		}
		return e.exec(args, running[0], rest[3:])
	}
	return e.unknown(args)
}

func (e *engine) exec(args []string, c *container, argv []string) answer {
	if c == nil || c.exited {
		return fails(1, "no such container runs")
	}
	if p := e.inside(c, argv); p != nil {
		return answer{Program: p}
	}
	return e.unknown(args)
}

// list is "docker ps": names of one service, running or --all.
func (e *engine) list(args []string) answer {
	all := slices.Contains(args, "--all")
	const project, service, once = "label=com.docker.compose.project=hasura-login", "label=com.docker.compose.service=", "label=com.docker.compose.oneoff=False"
	want := []string{"ps", "--format", "{{.Names}}", "--filter", project, "--filter", service, "--filter", once}
	if all {
		want = slices.Insert(want, 1, "--all")
	}
	if len(args) != len(want) {
		return e.unknown(args)
	}
	var wanted string
	for i := range args {
		if name, found := strings.CutPrefix(args[i], want[i]); found && want[i] == service {
			wanted = name
		} else if args[i] != want[i] {
			return e.unknown(args)
		}
	}
	var names strings.Builder
	for _, c := range slices.Backward(e.containers) { // the newest first, as Docker does
		if c.service == wanted && (all || !c.exited) {
			names.WriteString(c.name + "\n")
		}
	}
	return words(names.String())
}

func (e *engine) named(name string) *container {
	for _, c := range e.containers {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (e *engine) running(service string) []*container {
	var found []*container
	for _, c := range e.containers {
		if c.service == service && !c.exited {
			found = append(found, c)
		}
	}
	return found
}

func (e *engine) state(name string) answer {
	c := e.named(name)
	switch {
	case c == nil:
		return fails(1, "Error: No such object: %s", name)
	case c.exited:
		return words("exited unhealthy\n")
	case c.healthy == nil:
		return words("running none\n")
	case c.healthy() != nil:
		return words("running starting\n")
	}
	return words("running healthy\n")
}

func (e *engine) logs(name string) answer {
	c := e.named(name)
	if c == nil || c.logs == nil {
		return fails(1, "Error: No logs of: %s", name)
	}
	return words(c.logs())
}

func (e *engine) stop(name, seconds string) answer {
	c := e.named(name)
	grace, err := strconv.Atoi(seconds)
	if c == nil || c.stop == nil || err != nil {
		return fails(1, "Error: cannot stop %s within %q seconds", name, seconds)
	}
	if !c.exited {
		c.stop(time.Duration(grace) * time.Second)
		c.exited = true
	}
	return words(name + "\n")
}

func (e *engine) remove(name string) answer {
	c := e.named(name)
	if c == nil || c.stop == nil {
		return fails(1, "Error: cannot remove %s", name)
	}
	if !c.exited {
		c.stop(0)
	}
	e.containers = slices.DeleteFunc(e.containers, func(other *container) bool { return other == c })
	return words(name + "\n")
}

// scaleToTwo is "compose up --scale": it starts what is missing and nothing else.
func (e *engine) scaleToTwo(service string) answer {
	for len(e.running(service)) < 2 {
		c, err := e.start(service)
		if err != nil {
			return fails(1, "starting %s: %v", service, err)
		}
		e.containers = append(e.containers, c)
	}
	return words("")
}
