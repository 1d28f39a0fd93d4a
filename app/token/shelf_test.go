package token_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/token"
	"hasura-login/app/token/tokentest"
)

func TestFolder_Conforms(t *testing.T) {
	tokentest.Run(t, func(t *testing.T) token.Shelf { return token.Folder(t.TempDir()) })
}

// memoryTable stands in for the database, which can be away.
type memoryTable struct {
	mu   sync.Mutex
	rows map[string][]byte
	away bool
}

func (m *memoryTable) SigningKeys(context.Context) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, login.ErrUnavailable
	}
	return maps.Clone(m.rows), nil
}

func (m *memoryTable) ChangeSigningKeys(_ context.Context, do func(map[string][]byte) (map[string][]byte, []string, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return login.ErrUnavailable
	}
	put, drop, err := do(m.rows)
	if err != nil {
		return err
	}
	maps.Copy(m.rows, put)
	for _, kid := range drop {
		delete(m.rows, kid)
	}
	return nil
}

const (
	oldSecret = "keys-secret-of-last-year-0123456789abcdef"
	newSecret = "keys-secret-of-this-year-0123456789abcdef"
)

func sealed(m *memoryTable, secrets ...string) folder {
	return folder{token.Keys{Shelf: token.NewSealed(m, func() []string { return secrets }), TokenLife: life, Now: newClock().Now}}
}

// A replica that cannot reach the ring, or was given a wrong secret, goes on with what it
// has and says so; one without keys does not start, and no verb takes the ring for an
// empty one.
func TestSealed_ARingOutOfReachStaysInUse(t *testing.T) {
	m := &memoryTable{rows: map[string][]byte{}}
	secrets := []string{oldSecret}
	f := folder{token.Keys{Shelf: token.NewSealed(m, func() []string { return secrets }), TokenLife: life, Now: newClock().Now}}
	kid := first(t, f, token.EdDSA).KID
	var told journal
	s := newService(t, f, told.hooks())
	for name, breaks := range map[string]struct {
		it, mend func()
		says     string
	}{
		"database away": {func() { m.away = true }, func() { m.away = false }, ".: the database cannot be read"},
		"wrong secret":  {func() { secrets = []string{newSecret} }, func() { secrets = []string{oldSecret} }, kid + ".json: "},
	} {
		breaks.it()
		if name == "wrong secret" { // what is open stays open; a new look fails
			m.rows[kid] = append([]byte(nil), m.rows[kid]...)
			m.rows[kid][len(m.rows[kid])-1] ^= 1
		}
		for range 3 {
			s.Reload()
		}
		problems, _ := told.take()
		if len(problems) != 1 || !strings.HasPrefix(problems[0], breaks.says) {
			t.Errorf("%s: told %q, want once %q", name, problems, breaks.says)
		}
		if s.Status().Problems != 1 {
			t.Errorf("%s: %d problems in figures", name, s.Status().Problems)
		}
		if got := keyOf(t, s.issue(t, f.Now())); got != kid {
			t.Errorf("%s: signs with %s, want %s", name, got, kid)
		}
		if _, err := token.Open(f.Keys, token.Hooks{}); err == nil || errors.Is(err, token.ErrNoRing) {
			t.Errorf("%s: another replica opened it: %v", name, err)
		}
		if _, err := f.Rotate(token.RotateOptions{}); err == nil {
			t.Errorf("%s: rotated without knowing the keys", name)
		}
		if name == "wrong secret" {
			m.rows[kid][len(m.rows[kid])-1] ^= 1
		}
		breaks.mend()
		s.Reload()
		if problems, _ := told.take(); len(problems) != 1 || !strings.HasSuffix(problems[0], "(solved)") {
			t.Errorf("%s: told %q afterwards", name, problems)
		}
	}
}

func TestSealed_HidesTheKeysAndChangesItsSecret(t *testing.T) {
	m := &memoryTable{rows: map[string][]byte{}}
	before := sealed(m, oldSecret)
	kid := first(t, before, token.EdDSA).KID
	if row := string(m.rows[kid]); strings.Contains(row, "PRIVATE KEY") || strings.Contains(row, kid) {
		t.Error("the row shows the key")
	}
	both := sealed(m, newSecret, oldSecret)
	for _, want := range []int{1, 0} {
		if n, err := both.Shelf.(token.Sealed).Reseal(); n != want || err != nil {
			t.Fatalf("encrypted %d keys again, %v, want %d", n, err, want)
		}
	}
	if got := states(t, sealed(m, newSecret)); !slices.Equal(got, []string{kid + " active"}) {
		t.Errorf("with the new secret only: %q", got)
	}
	if n, err := before.Shelf.(token.Sealed).Reseal(); err == nil {
		t.Errorf("encrypted %d keys without being able to read them", n)
	}
	m.rows["0123456789abcdef"] = m.rows[kid] // another row's name
	if l := list(t, sealed(m, newSecret)); len(l.Keys) != 1 || len(l.Problems) != 1 {
		t.Errorf("a row under another name: %+v", l)
	}
}

// Kubernetes mounts a Secret as links to ..data, itself a link, which it replaces to
// change all files at once. Seen: no key found, and every pod restarting without end.
func TestFolder_FollowsTheLinksOfASecretVolume(t *testing.T) {
	source := newFolder(t, newClock())
	old := first(t, source, token.EdDSA).KID
	volume := source.at(t.TempDir())
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(volume.dir(), name)); err != nil {
			t.Fatal(err)
		}
	}
	publish := func(version string, kids ...string) { // as the kubelet does
		t.Helper()
		dir := filepath.Join(volume.dir(), version)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, kid := range kids {
			overwrite(t, filepath.Join(dir, kid+".json"), content(t, keyPath(source, kid)))
		}
		link(version, "..data_tmp")
		if err := os.Rename(filepath.Join(volume.dir(), "..data_tmp"), filepath.Join(volume.dir(), "..data")); err != nil {
			t.Fatal(err)
		}
	}
	publish("..2026_03_01", old)
	link("..data/"+old+".json", old+".json")
	s := newService(t, volume, token.Hooks{})
	young := rotate(t, source, token.RotateOptions{}).KID
	publish("..2026_03_02", old, young)
	link("..data/"+young+".json", young+".json")
	s.Reload()
	if got := keyOf(t, s.issue(t, volume.Now())); got != young {
		t.Errorf("signs with %s, want the key that came with the volume's new version, %s", got, young)
	}
	if err := os.Remove(filepath.Join(volume.dir(), old+".json")); err != nil {
		t.Fatal(err)
	}
	publish("..2026_03_03", young)
	s.Reload()
	if got := published(t, s.JWKS()); !slices.Equal(got, []string{young}) {
		t.Errorf("published %q after the old key left the volume", got)
	}
}
