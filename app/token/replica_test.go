package token_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/token"
)

// journal records a ring's calls of its hooks.
type journal struct {
	mu       sync.Mutex
	problems []string
	changes  []string
}

func (j *journal) hooks() token.Hooks {
	return token.Hooks{
		OnProblem: func(p token.Problem) {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.problems = append(j.problems, p.String())
		},
		OnChange: func(c token.Change) {
			j.mu.Lock()
			defer j.mu.Unlock()
			line := fmt.Sprintf("%s: %s > %s", c.KID, c.From, c.To)
			if c.Revoked {
				line += " revoked"
			}
			j.changes = append(j.changes, line)
		},
	}
}

// take returns the calls since the last take.
func (j *journal) take() (problems, changes []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	problems, changes = j.problems, j.changes
	j.problems, j.changes = nil, nil
	return problems, changes
}

func keyOf(t testing.TB, raw string) string {
	t.Helper()
	header := headerOf(t, raw)
	return header["kid"].(string)
}

func TestRun_SeesChangesAndTellsThem(t *testing.T) {
	f := folder{token.Keys{Shelf: token.Folder(t.TempDir()), TokenLife: life}} // the real clock
	old := first(t, f, token.EdDSA).KID
	told := make(chan token.Change, 10)
	ring, err := token.Open(f.Keys, token.Hooks{OnChange: func(c token.Change) { told <- c }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); ring.Run(ctx) }()
	young := rotate(t, f, token.RotateOptions{PublishAhead: time.Second}).KID
	want := map[token.Change]bool{
		{KID: young, Algorithm: token.EdDSA, To: token.Pending}:                     true,
		{KID: young, Algorithm: token.EdDSA, From: token.Pending, To: token.Active}: true,
		{KID: old, Algorithm: token.EdDSA, From: token.Active, To: token.Retired}:   true,
	}
	for len(want) > 0 {
		select {
		case change := <-told:
			if !want[change] {
				t.Fatalf("unexpected change %+v", change)
			}
			delete(want, change)
		case <-time.After(30 * time.Second):
			t.Fatalf("never told: %v", want)
		}
	}
	stop()
	<-ended
}

func TestRing_TellsTheWayOfAKey(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	old := first(t, f, token.EdDSA).KID
	var told journal
	s := newService(t, f, told.hooks())
	step := func(want ...string) {
		t.Helper()
		s.Reload()
		s.Reload() // told once only
		_, changes := told.take()
		if diff := cmp.Diff(want, changes); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
	}
	step()
	young := rotate(t, f, token.RotateOptions{PublishAhead: time.Minute}).KID
	step(young + ":  > pending")
	c.Advance(time.Minute)
	step(old+": active > retired", young+": pending > active")
	c.Advance(kept)
	step(old + ": retired > gone")
	successor := revoke(t, f, young).Successor
	step(young+": active > gone revoked", successor+":  > active")
}

func TestStatus_CountsKeys(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	first(t, f, token.ES256)
	c.Advance(time.Minute)
	rotate(t, f, token.RotateOptions{Algorithm: token.EdDSA})
	c.Advance(time.Minute)
	rotate(t, f, token.RotateOptions{PublishAhead: time.Hour})
	if err := os.WriteFile(filepath.Join(f.dir(), "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newService(t, f, token.Hooks{})
	want := token.Status{
		Keys:      map[token.State]int{token.Pending: 1, token.Active: 1, token.Retired: 1},
		Algorithm: token.EdDSA, ActiveAge: time.Minute, Problems: 1,
	}
	if diff := cmp.Diff(want, s.Status()); diff != "" {
		t.Error(diff)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	s.issue(t, c.Now())
	if n := s.issuer.Issued(token.EdDSA); n != 1 {
		t.Errorf("counted %d tokens", n)
	}
}

func TestOpen_WithoutARingNamesTheCommandThatMakesOne(t *testing.T) {
	f := newFolder(t, newClock())
	missing := f.at(filepath.Join(f.dir(), "nowhere"))
	foreign := newFolder(t, newClock())
	if err := os.WriteFile(filepath.Join(foreign.dir(), "0123456789abcdef.json"), []byte("{}"), 0o400); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]folder{"empty": f, "missing": missing, "broken": foreign} {
		_, err := token.Open(in.Keys, token.Hooks{})
		if !errors.Is(err, token.ErrNoRing) || !strings.Contains(err.Error(), "hasura-login keys rotate") {
			t.Errorf("%s folder: %v", name, err)
		}
	}
	if _, err := os.Stat(missing.dir()); !errors.Is(err, os.ErrNotExist) {
		t.Error("opening made the folder")
	}
	if _, err := token.Open(token.Keys{Shelf: f.Shelf}, token.Hooks{}); err == nil || errors.Is(err, token.ErrNoRing) {
		t.Errorf("without a token life: %v", err)
	}
}

func TestCreate_MakesAKeyOnlyWhereThereIsNone(t *testing.T) {
	f := newFolder(t, newClock())
	one, err := token.Create(f.Keys, token.ES256, token.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := token.Create(f.Keys, token.EdDSA, token.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one.List(), two.List()); diff != "" {
		t.Error(diff)
	}
}

// A clock set back must not leave the service without a key to sign with.
func TestRing_SignsThoughNoKeysTimeHasCome(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	kid := first(t, f, token.EdDSA).KID
	s := newService(t, f, token.Hooks{})
	c.Advance(-24 * time.Hour)
	if got := keyOf(t, s.issue(t, c.Now())); got != kid {
		t.Errorf("signs with %s", got)
	}
	var pending *token.PendingError
	if _, err := f.Rotate(token.RotateOptions{}); !errors.As(err, &pending) {
		t.Errorf("rotated by a clock set back: %v", err)
	}
}
