package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hasura-login/app/testserver"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// engine has a real process for every container of one appliance. The scripts call the
// docker of the scripts' tests (scripts/tests/stub), which keeps track of containers and
// asks the engine for what is real: starting, stopping, health, logs, and programs in a
// container, which are the same programs started with the container's environment. A call
// that the engine cannot map fails, and so does the test.
type engine struct {
	t     *testing.T
	world string // the folder of the scripts' docker
	start func(service string) (*container, error)
	// inside maps a program in a service's container to one on this machine.
	inside func(c *container, argv []string) *program

	mu         sync.Mutex
	containers []*container // oldest first
}

// container is a running process of a service.
type container struct {
	service string
	// name is the name that Docker's network resolves. For login and Hasura it is a
	// loopback address, so that it resolves here too.
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
	UID  int // 0: the user who runs the test
}

// answer is what the engine answers: a program to become, or words and a status.
type answer struct {
	Program *program
	Out     string
	Err     string
	Status  int
}

// engineVariable names the engine's socket in the environment of scripts.
const engineVariable = "E2E_DOCKER_ENGINE"

// callEngine is the program "engine" of the scripts' docker: this test's own binary under
// that name.
func callEngine(args []string) int {
	body, _ := json.Marshal(args)
	c := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", os.Getenv(engineVariable))
	}}}
	resp, err := c.Post("http://engine/", "application/json", bytes.NewReader(body))
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot connect to the test's engine:", err)
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

// listen makes the engine answer, and returns the environment in which a script finds it.
func (e *engine) listen() []string {
	e.t.Helper()
	self, err := os.Executable()
	check(e.t, err)
	e.world = testserver.TempDir(e.t)
	check(e.t, os.Mkdir(filepath.Join(e.world, "containers"), 0o755))
	check(e.t, os.Symlink(self, filepath.Join(e.world, "engine")))
	socket := filepath.Join(e.world, "engine.sock")
	ln, err := net.Listen("unix", socket)
	check(e.t, err)
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var args []string
		_ = json.NewDecoder(r.Body).Decode(&args)
		_ = json.NewEncoder(w).Encode(e.call(args))
	})}
	go func() { _ = server.Serve(ln) }()
	e.t.Cleanup(func() {
		_ = server.Close()
		if unknown, err := os.ReadFile(filepath.Join(e.world, "unknown")); err == nil {
			e.t.Errorf("scripts make calls that their tests' docker does not know:\n%s", unknown)
		}
	})
	bin := filepath.Join(e.world, "bin")
	check(e.t, os.Mkdir(bin, 0o755))
	docker := fmt.Sprintf("#!/bin/sh\nexec %s/scripts/tests/stub/docker \"$@\"\n", testserver.RepoRoot(e.t))
	check(e.t, os.WriteFile(filepath.Join(bin, "docker"), []byte(docker), 0o755))
	return []string{engineVariable + "=" + socket, "WORLD=" + e.world, "PATH=" + bin + ":" + os.Getenv("PATH")}
}

// add makes a container that runs already known to the scripts' docker.
func (e *engine) add(containers ...*container) {
	e.t.Helper()
	for _, c := range containers {
		folder := filepath.Join(e.world, "containers", c.name)
		check(e.t, os.Mkdir(folder, 0o755))
		health := "none"
		if c.healthy != nil {
			health = "healthy"
		}
		for file, text := range map[string]string{"service": c.service, "state": "running", "health": health, "oneoff": "False", "image": c.service, "imageid": c.service, "hash": c.service} {
			check(e.t, os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644))
		}
		e.containers = append(e.containers, c)
	}
}

func words(text string) answer { return answer{Out: text} }

func fails(status int, format string, args ...any) answer {
	return answer{Status: status, Err: fmt.Sprintf(format, args...) + "\n"}
}

// call answers one question of the scripts' docker; they come one at a time, as the scripts
// call it.
func (e *engine) call(args []string) answer {
	e.mu.Lock()
	defer e.mu.Unlock()
	unknown := func() answer {
		e.t.Errorf("a script calls what this engine does not know: %q", args)
		return fails(64, "this engine does not know: %q", args)
	}
	if len(args) < 2 {
		return unknown()
	}
	if args[0] == "start" {
		c, err := e.start(args[1])
		if err != nil {
			return fails(1, "starting %s: %v", args[1], err)
		}
		e.containers = append(e.containers, c)
		return words(c.name)
	}
	c := e.named(args[1])
	if c == nil {
		return fails(1, "Error: No such container: %s", args[1])
	}
	switch rest := args[2:]; args[0] {
	case "health":
		return words(c.health())
	case "logs":
		if c.logs != nil {
			return words(c.logs())
		}
	case "stop":
		if seconds, err := strconv.Atoi(rest[0]); err == nil && c.stop != nil {
			c.stop(time.Duration(seconds) * time.Second)
			c.exited = true
			return answer{}
		}
	case "exec":
		if p := e.inside(c, rest); p != nil {
			return answer{Program: p}
		}
	}
	return unknown()
}

func (c *container) health() string {
	switch {
	case c.healthy == nil:
		return "none"
	case c.healthy() != nil:
		return "starting"
	}
	return "healthy"
}

func (e *engine) named(name string) *container {
	i := slices.IndexFunc(e.containers, func(c *container) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return e.containers[i]
}

// running returns the containers of a service that run.
func (e *engine) running(service string) []*container {
	return slices.DeleteFunc(slices.Clone(e.containers), func(c *container) bool { return c.service != service || c.exited })
}
