// Package testserver starts the real servers that tests need (Postgres, Redis,
// nginx, Prometheus …) from Debian's packages on free loopback ports and stops
// them with the test. A missing program fails the test with the line that
// installs it; it never skips.
package testserver

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Binary finds a program on PATH or in Debian's usual places.
func Binary(t testing.TB, name, debianPackage string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range []string{"/usr/sbin/" + name, "/usr/lib/postgresql/*/bin/" + name} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	t.Fatalf("%s is missing: run 'make tools' or 'apt-get install %s'", name, debianPackage)
	return ""
}

// tool builds a program of the module tools/FOLDER, once: Go keeps the programs
// of tools in its cache.
func tool(t testing.TB, folder, name string) string {
	t.Helper()
	cmd := exec.Command("go", "tool", "-n", name)
	cmd.Dir = filepath.Join(RepoRoot(t), "tools", folder)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("building %s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// Process is a server that runs until the test ends or Kill is called.
type Process struct {
	// StopSignal asks the program to stop; SIGTERM unless changed.
	StopSignal syscall.Signal

	cmd    *exec.Cmd
	output Output
	done   chan struct{}
}

// Start runs cmd and stops it, at first gently, when the test ends.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{StopSignal: syscall.SIGTERM, cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	return p.begin(t)
}

// StartQuiet is like Start, but the program's stdout goes nowhere: reading it would add
// to the time that a benchmark measures.
func StartQuiet(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{StopSignal: syscall.SIGTERM, cmd: cmd, done: make(chan struct{})}
	cmd.Stderr = &p.output
	return p.begin(t)
}

func (p *Process) begin(t testing.TB) *Process {
	t.Helper()
	cmd := p.cmd
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started := make(chan error)
	go func() {
		defer close(p.done)
		// Pdeathsig follows the thread that forks, so it must live as long as the child.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("starting %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("output of %s:\n%s", filepath.Base(cmd.Path), p.Output())
		}
	})
	return p
}

// Stop ends the process with StopSignal, or SIGKILL after ten seconds.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(p.StopSignal)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		p.Kill()
	}
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Signal sends sig to the process.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Env is the environment the process was started with.
func (p *Process) Env() []string { return p.cmd.Env }

// Pid is the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode is the exit status once Done is closed, -1 after a signal.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Output is all that the process has written to stdout and stderr.
func (p *Process) Output() string { return p.output.String() }

// WaitReady polls ready until it returns nil, the process ends, or the time is up.
func (p *Process) WaitReady(t testing.TB, within time.Duration, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case <-p.done:
			t.Fatalf("%s ended before it was ready: %v\n%s", filepath.Base(p.cmd.Path), err, p.Output())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s not ready within %s: %v\n%s", filepath.Base(p.cmd.Path), within, err, p.Output())
		}
	}
}

// Dial reports whether a TCP connection to addr succeeds.
func Dial(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}

// RunAs makes cmd run as an unprivileged system user when the test runs as
// root (Postgres refuses to run as root), and gives that user dir.
func RunAs(t testing.TB, cmd *exec.Cmd, username, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	u, err := user.Lookup(username)
	if err != nil {
		t.Fatalf("looking up user %s: %v", username, err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatalf("handing %s to %s: %v", dir, username, err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}} // #nosec G115 -- ids of /etc/passwd
}

// TempDir is like t.TempDir, but under /tmp with a mode that other users can
// enter, and short enough for a Unix socket path.
func TempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "hl")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // #nosec G302 -- servers run as other users
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
