package token_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/token"
)

func keyPath(f folder, kid string) string { return filepath.Join(f.dir(), kid+".json") }

// overwrite replaces a file as an editor or a failed copy would.
func overwrite(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o400); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// damages are what may become of a good key file.
func damages(good, other []byte) map[string][]byte {
	replace := func(old, new string) []byte { return bytes.Replace(good, []byte(old), []byte(new), 1) }
	return map[string][]byte{
		"empty":             {},
		"half":              good[:len(good)/2],
		"last byte missing": good[:len(good)-3],
		"all zero":          make([]byte, len(good)),
		"twice":             append(bytes.Clone(good), good...),
		"huge":              append(bytes.Clone(good), bytes.Repeat([]byte(" "), 20<<10)...),
		"null":              []byte("null"),
		"list":              []byte("[]"),
		"another key":       other,
		"other version":     replace(`"version": 1`, `"version": 2`),
		"unknown member":    replace(`"version": 1`, `"version": 1, "x": 1`),
		"other algorithm":   replace(`"alg": "EdDSA"`, `"alg": "ES256"`),
		"shared secret":     replace(`"alg": "EdDSA"`, `"alg": "HS256"`),
		"no algorithm":      replace(`"alg": "EdDSA"`, `"alg": "none"`),
		"no sequence":       replace(`"sequence": 1`, `"sequence": 0`),
		"no time":           replace(`"active_from": "2026-03-01T12:00:00Z"`, `"active_from": "0001-01-01T00:00:00Z"`),
		"far time":          replace(`"active_from": "2026-03-01T12:00:00Z"`, `"active_from": "9999-01-01T00:00:00Z"`),
		"no life":           replace(`"token_life_seconds": 900`, `"token_life_seconds": 0`),
		"endless life":      replace(`"token_life_seconds": 900`, `"token_life_seconds": 1e300`),
		"public key":        replace("PRIVATE KEY", "PUBLIC KEY"),
		"changed key":       replace("MC4CAQAwBQYDK2VwBCIEI", "MC4CAQAwBQYDK2VwBCIEA"),
		"cut key":           replace("MC4CAQAwBQYDK2VwBCIEI", ""),
	}
}

func TestDamagedFile_IsReportedOnceAndNeverPublished(t *testing.T) {
	c := newClock()
	good, spare := newFolder(t, c), newFolder(t, c)
	kid := first(t, good, token.EdDSA).KID
	data, other := content(t, keyPath(good, kid)), content(t, keyPath(spare, first(t, spare, token.EdDSA).KID))
	for name, damaged := range damages(data, other) {
		t.Run(name, func(t *testing.T) {
			if bytes.Equal(damaged, data) {
				t.Fatal("nothing is damaged")
			}
			f := newFolder(t, c)
			kept := first(t, f, token.EdDSA).KID
			var told journal
			s := newService(t, f, told.hooks())
			overwrite(t, keyPath(f, kid), damaged)
			s.Reload()
			s.Reload()
			problems, changes := told.take()
			if len(problems) != 1 || !strings.HasPrefix(problems[0], kid+".json: ") || !strings.HasSuffix(problems[0], "(ignored)") || len(changes) > 0 {
				t.Errorf("problems %q, changes %q", problems, changes)
			}
			if diff := cmp.Diff([]string{kept}, published(t, s.JWKS())); diff != "" {
				t.Error(diff)
			}
			if l := list(t, f); len(l.Problems) != 1 || !strings.Contains(l.String(), "Problem: "+kid+".json: ") {
				t.Errorf("listing: %s", l)
			}
			overwrite(t, keyPath(f, kid), data) // mended
			s.Reload()
			problems, _ = told.take()
			if len(problems) != 1 || !strings.HasSuffix(problems[0], "(solved)") || len(published(t, s.JWKS())) != 2 {
				t.Errorf("after mending: %q", problems)
			}
		})
	}
}

func TestDamagedFile_OfAKeyInUseDoesNotStopTheService(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	kid := first(t, f, token.EdDSA).KID
	var told journal
	s := newService(t, f, told.hooks())
	raw := s.issue(t, c.Now())
	overwrite(t, keyPath(f, kid), []byte("{"))
	s.Reload()
	if problems, _ := told.take(); len(problems) != 1 || !strings.Contains(problems[0], "the key as read before stays in use") {
		t.Errorf("problems: %q", problems)
	}
	if _, err := s.verifier.Verify(raw, c.Now()); err != nil {
		t.Error(err)
	}
	if err := os.Remove(keyPath(f, kid)); err != nil {
		t.Fatal(err)
	}
	s.Reload()
	if problems, _ := told.take(); len(problems) != 2 || !strings.Contains(strings.Join(problems, "\n"), "no usable key left") {
		t.Errorf("problems: %q", problems)
	}
	if kids := published(t, s.JWKS()); kids[0] != kid {
		t.Errorf("published %v", kids)
	}
	if err := os.RemoveAll(f.dir()); err != nil {
		t.Fatal(err)
	}
	s.Reload()
	s.issue(t, c.Now())
	if problems, _ := told.take(); len(problems) == 0 || !strings.Contains(problems[0], "key folder") {
		t.Errorf("problems: %q", problems)
	}
}

func TestForeignFiles_AreReportedAndIgnored(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	kid := first(t, f, token.EdDSA).KID
	data := content(t, keyPath(f, kid))
	for _, name := range []string{"README.md", kid + ".json.bak", "copy.json", strings.ToUpper(kid) + ".json", kid[:15] + ".json"} {
		overwrite(t, filepath.Join(f.dir(), name), data)
	}
	if err := os.Mkdir(filepath.Join(f.dir(), "0123456789abcdef.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(f.dir(), filepath.Join(f.dir(), "fedcba9876543210.json")); err != nil {
		t.Fatal(err)
	}
	overwrite(t, filepath.Join(f.dir(), ".gitkeep"), nil) // the ring ignores files that begin with a dot
	var told journal
	s := newService(t, f, told.hooks())
	s.Reload()
	problems, _ := told.take()
	if len(problems) != 7 {
		t.Errorf("problems: %q", problems)
	}
	for _, p := range problems {
		if !strings.HasSuffix(p, "not a key of this ring (ignored)") {
			t.Errorf("problem %q", p)
		}
	}
	if diff := cmp.Diff([]string{kid}, published(t, s.JWKS())); diff != "" {
		t.Error(diff)
	}
}

func TestFiles_AreTheOwnersAlone(t *testing.T) {
	f := newFolder(t, newClock())
	f = f.at(filepath.Join(f.dir(), "keys"))
	kid := first(t, f, token.EdDSA).KID
	for path, want := range map[string]os.FileMode{f.dir(): 0o700, keyPath(f, kid): 0o400, filepath.Join(f.dir(), ".lock"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o, want %04o", path, got, want)
		}
	}
}

func TestFiles_OpenToOthersAreReportedAndUsed(t *testing.T) {
	f := newFolder(t, newClock())
	kid := first(t, f, token.EdDSA).KID
	if err := os.Chmod(keyPath(f, kid), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(f.dir(), 0o777); err != nil { // #nosec G302 -- the point of the test
		t.Fatal(err)
	}
	l := list(t, f)
	want := []token.Problem{
		{File: ".", Text: "folder has mode 0777: others could add keys; should be 0700"},
		{File: kid + ".json", Text: "file has mode 0644, should be 0400"},
	}
	if diff := cmp.Diff(want, l.Problems); diff != "" {
		t.Error(diff)
	}
	if len(l.Keys) != 1 {
		t.Errorf("keys: %v", l.Keys)
	}
}

// asNobody reports whether it ran the test again as an unprivileged user. It does so if
// the test runs as root, who can read every file.
func asNobody(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return false
	}
	home, err := os.MkdirTemp("", "as-nobody-") // #nosec G301 -- t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := os.Chmod(home, 0o777); err != nil { // #nosec G302
		t.Fatal(err)
	}
	binary := filepath.Join(home, "token.test")
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, self, 0o755); err != nil { // #nosec G306 -- a program
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.run=^"+t.Name()+"$", "-test.v") // #nosec G204
	cmd.Dir, cmd.Env = home, []string{"TMPDIR=" + home, "HOME=" + home}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	return true
}

func TestUnreadableFile_IsReportedAndNothingIsDecidedWithoutIt(t *testing.T) {
	if asNobody(t) {
		return
	}
	c := newClock()
	f := newFolder(t, c)
	kid := first(t, f, token.EdDSA).KID
	var told journal
	s := newService(t, f, told.hooks())
	if err := os.Chmod(keyPath(f, kid), 0); err != nil {
		t.Fatal(err)
	}
	s.Reload()
	s.Reload()
	if problems, _ := told.take(); len(problems) != 1 || !strings.Contains(problems[0], "permission denied; the key as read before stays in use") {
		t.Errorf("problems: %q", problems)
	}
	s.issue(t, c.Now())
	// If the ring looked empty, the process would make a first key, which signs without
	// having been published ahead.
	if _, err := f.Rotate(token.RotateOptions{}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("rotating: %v", err)
	}
	if _, err := token.Open(f.Keys, token.Hooks{}); !errors.Is(err, os.ErrPermission) || errors.Is(err, token.ErrNoRing) {
		t.Errorf("opening: %v", err)
	}
	if err := os.Chmod(keyPath(f, kid), 0o400); err != nil {
		t.Fatal(err)
	}
	s.Reload()
	if problems, _ := told.take(); len(problems) != 1 || !strings.HasSuffix(problems[0], "(solved)") {
		t.Errorf("problems: %q", problems)
	}
}

func TestReadOnlyFolder_KeepsServingAndSaysThatOldKeysStay(t *testing.T) {
	if asNobody(t) {
		return
	}
	c := newClock()
	f := newFolder(t, c)
	first(t, f, token.EdDSA)
	c.Advance(time.Second)
	active := rotate(t, f, token.RotateOptions{}).KID
	var told journal
	s := newService(t, f, told.hooks())
	if err := os.Chmod(f.dir(), 0o500); err != nil { // #nosec G302
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(f.dir(), 0o700) }) // #nosec G302
	c.Advance(kept)
	for range 3 {
		s.Reload()
	}
	if problems, _ := told.take(); len(problems) != 1 || !strings.Contains(problems[0], "keys whose time is over stay") {
		t.Errorf("problems: %q", problems)
	}
	if diff := cmp.Diff([]string{active}, published(t, s.JWKS())); diff != "" {
		t.Error(diff)
	}
}

// An operator rotates as root; the service must be able to read the key.
func TestRotate_AsRootGivesTheKeyToTheFoldersOwner(t *testing.T) {
	const owner = 65534
	if os.Geteuid() != 0 {
		owns(t, os.Geteuid())
		return
	}
	owns(t, owner)
}

func owns(t *testing.T, uid int) {
	t.Helper()
	f := newFolder(t, newClock())
	if err := os.Chown(f.dir(), uid, -1); err != nil {
		t.Fatal(err)
	}
	kid := first(t, f, token.EdDSA).KID
	for _, path := range []string{keyPath(f, kid), filepath.Join(f.dir(), ".lock")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := int(info.Sys().(*syscall.Stat_t).Uid); got != uid {
			t.Errorf("%s belongs to %d, want %d", path, got, uid)
		}
	}
}

const envFullDisk = "TOKEN_TEST_FULL_DISK"

// withoutRoom runs do while no file can take a byte more, as on a full disk.
func withoutRoom(t *testing.T, do func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 0, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	}()
	do()
}

func TestFullDisk_ChangesNothing(t *testing.T) {
	if os.Getenv(envFullDisk) == "" { // the limit is on a whole process
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), envFullDisk+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	c := newClock()
	f := newFolder(t, c)
	kid := first(t, f, token.EdDSA).KID
	var rotated, revoked error
	withoutRoom(t, func() {
		_, rotated = f.Rotate(token.RotateOptions{PublishAhead: time.Minute})
		_, revoked = f.Revoke(kid) // without room for a successor the key must stay
	})
	for _, err := range []error{rotated, revoked} {
		if !errors.Is(err, syscall.EFBIG) {
			t.Errorf("error %v", err)
		}
	}
	if diff := cmp.Diff([]string{kid + " active"}, states(t, f)); diff != "" {
		t.Error(diff)
	}
	if left, _ := filepath.Glob(filepath.Join(f.dir(), ".new-*")); len(left) > 0 {
		t.Errorf("half-written keys stay: %v", left)
	}
	rotate(t, f, token.RotateOptions{PublishAhead: time.Minute})
}
