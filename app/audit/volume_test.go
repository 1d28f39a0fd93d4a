//go:build unix

package audit_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"hasura-login/app/audit"
	"hasura-login/app/login"
)

// A volume of Kubernetes belongs to root, and the service may write there as a member of the group.
func TestVerb_WritesToAVolumeOfRoot(t *testing.T) {
	volume := os.Getenv("AUDIT_VOLUME")
	if volume == "" && os.Geteuid() == 0 {
		asNobody(t)
		return
	}
	if volume == "" { // only root can make a folder of root
		volume = t.TempDir()
	}
	v, err := audit.OpenVerb(volume)
	if err == nil {
		err = v.RecordAct(context.Background(), login.Event{Name: login.EventUserDisabled, UserID: "ann", Actor: login.ActorOperator})
	}
	if err != nil {
		t.Error(err)
	}
}

// asNobody runs the test again as an unprivileged user.
func asNobody(t *testing.T) {
	t.Helper()
	home, err := os.MkdirTemp("", "as-nobody-") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := os.Chmod(home, 0o777); err != nil { // #nosec G302 -- as a volume is
		t.Fatal(err)
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(home, "audit.test")
	if err := os.WriteFile(binary, self, 0o755); err != nil { // #nosec G306 -- a program
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.run=^"+t.Name()+"$") // #nosec G204 -- this program
	cmd.Dir, cmd.Env = home, []string{"AUDIT_VOLUME=" + home, "TMPDIR=" + home}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}
