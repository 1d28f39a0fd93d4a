package token_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/token"
)

func list(t testing.TB, f folder) token.Listing {
	t.Helper()
	l, err := f.List()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// states are the folder's keys, newest first, as "kid state".
func states(t testing.TB, f folder) []string {
	t.Helper()
	var lines []string
	for _, k := range list(t, f).Keys {
		lines = append(lines, k.KID+" "+string(k.State))
	}
	return lines
}

func TestRotate_FirstKeySignsAtOnce(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	f = f.at(filepath.Join(f.dir(), "deep", "keys"))
	r, err := f.Rotate(token.RotateOptions{PublishAhead: token.DefaultPublishAhead})
	if err != nil {
		t.Fatal(err)
	}
	if !r.ActiveFrom.Equal(start) || r.Replaces != "" || r.Algorithm != token.DefaultAlgorithm || len(r.Warnings) > 0 {
		t.Errorf("first rotation: %+v", r)
	}
	if diff := cmp.Diff([]string{r.KID + " active"}, states(t, f)); diff != "" {
		t.Error(diff)
	}
}

func TestRotate_StatesFollowTheClockAlone(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	old := first(t, f, token.EdDSA).KID
	c.Advance(time.Hour)
	rotation := rotate(t, f, token.RotateOptions{PublishAhead: token.DefaultPublishAhead})
	young := rotation.KID
	if rotation.Replaces != old || len(rotation.Warnings) > 0 {
		t.Errorf("rotation: %+v", rotation)
	}
	for _, step := range []struct {
		after time.Duration // since the rotation
		want  []string
	}{
		{0, []string{young + " pending", old + " active"}},
		{300*time.Second - 1, []string{young + " pending", old + " active"}},
		{300 * time.Second, []string{young + " active", old + " retired"}},
		{300*time.Second + kept - 1, []string{young + " active", old + " retired"}},
		{300*time.Second + kept, []string{young + " active", old + " gone"}},
		{1000 * time.Hour, []string{young + " active", old + " gone"}},
	} {
		c.Advance(rotation.PublishedAt.Add(step.after).Sub(c.Now()))
		if diff := cmp.Diff(step.want, states(t, f)); diff != "" {
			t.Errorf("%s after the rotation (-want +got):\n%s", step.after, diff)
		}
	}
}

func TestRotate_RefusesASecondPendingKey(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	first(t, f, token.EdDSA)
	pending := rotate(t, f, token.RotateOptions{PublishAhead: time.Minute})
	_, err := f.Rotate(token.RotateOptions{PublishAhead: time.Minute})
	var refused *token.PendingError
	if !errors.As(err, &refused) || refused.KID != pending.KID || !refused.ActiveFrom.Equal(start.Add(time.Minute)) {
		t.Fatalf("second rotation: %v", err)
	}
	c.Advance(time.Minute)
	rotate(t, f, token.RotateOptions{PublishAhead: time.Minute})
}

func TestRotate_OfManyAtOnceOneWins(t *testing.T) {
	f := newFolder(t, newClock())
	first(t, f, token.EdDSA)
	var wg sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		wg.Go(func() { _, results[i] = f.Rotate(token.RotateOptions{PublishAhead: time.Minute}) })
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		var refused *token.PendingError
		switch {
		case err == nil:
			won++
		case !errors.As(err, &refused):
			t.Error(err)
		}
	}
	if keys := list(t, f).Keys; won != 1 || len(keys) != 2 {
		t.Errorf("%d rotations won, %d keys", won, len(keys))
	}
}

func TestRotate_OfManyFirstOnesOneWins(t *testing.T) {
	f := newFolder(t, newClock())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := f.EnsureKey(token.EdDSA); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if keys := list(t, f).Keys; len(keys) != 1 {
		t.Errorf("%d keys", len(keys))
	}
}

func TestRotate_ShortNoticeIsTakenWithAWarning(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	first(t, f, token.EdDSA)
	r := rotate(t, f, token.RotateOptions{PublishAhead: 20 * time.Millisecond})
	if len(r.Warnings) != 1 || !strings.Contains(r.String(), "Warning: published only 20ms ahead") {
		t.Errorf("rotation: %s", r)
	}
	if _, err := f.Rotate(token.RotateOptions{PublishAhead: -time.Second}); err == nil {
		t.Error("a negative notice was taken")
	}
}

func TestRotate_KeepsTheAlgorithmUnlessTold(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	first(t, f, token.ES256)
	c.Advance(time.Second)
	if r := rotate(t, f, token.RotateOptions{}); r.Algorithm != token.ES256 {
		t.Errorf("rotated to %s", r.Algorithm)
	}
	c.Advance(time.Second)
	if r := rotate(t, f, token.RotateOptions{Algorithm: token.EdDSA}); r.Algorithm != token.EdDSA {
		t.Errorf("rotated to %s", r.Algorithm)
	}
	c.Advance(time.Second)
	if _, err := f.Rotate(token.RotateOptions{Algorithm: "HS256"}); err == nil {
		t.Error("a shared secret was taken as a key")
	}
	if keys := list(t, f).Keys; len(keys) != 3 {
		t.Errorf("%d keys", len(keys))
	}
}

func TestRotate_DeletesKeysWhoseTimeIsOver(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	old := first(t, f, token.EdDSA).KID
	c.Advance(time.Second)
	rotate(t, f, token.RotateOptions{})
	c.Advance(kept - 1)
	if r := rotate(t, f, token.RotateOptions{}); len(r.Removed) != 0 {
		t.Errorf("deleted %v too early", r.Removed)
	}
	c.Advance(1)
	r := rotate(t, f, token.RotateOptions{})
	if diff := cmp.Diff([]string{old}, r.Removed); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(filepath.Join(f.dir(), old+".json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("file of the deleted key: %v", err)
	}
}

// A shorter token life must not shorten the life of tokens already out.
func TestRotate_LongerTokenLifeOfTheTwoDecidesHowLongAKeyStays(t *testing.T) {
	for name, lives := range map[string][2]time.Duration{"shortened": {time.Hour, time.Minute}, "lengthened": {time.Minute, time.Hour}} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			f := newFolder(t, c)
			f.TokenLife = lives[0]
			first(t, f, token.EdDSA)
			f.TokenLife = lives[1]
			c.Advance(time.Second)
			rotate(t, f, token.RotateOptions{})
			if got, want := list(t, f).Keys[1].DeleteAfter, c.Now().Add(time.Hour+65*time.Second); !got.Equal(want) {
				t.Errorf("deleted after %s, want %s", got, want)
			}
		})
	}
}

func TestRotate_WaitsForNobodyWhoWasKilled(t *testing.T) {
	f := newFolder(t, newClock())
	first(t, f, token.EdDSA)
	for _, leftover := range []string{".new-123", ".new-abc"} {
		if err := os.WriteFile(filepath.Join(f.dir(), leftover), []byte(`{"version":1,`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rotate(t, f, token.RotateOptions{})
	if left, _ := filepath.Glob(filepath.Join(f.dir(), ".new-*")); len(left) > 0 {
		t.Errorf("half-written keys stay: %v", left)
	}
}

func TestRotate_WaitsForAnotherChange(t *testing.T) {
	f := newFolder(t, newClock())
	first(t, f, token.EdDSA)
	release, err := token.Folder(f.dir()).HoldLock()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := f.Rotate(token.RotateOptions{PublishAhead: time.Minute})
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("rotated under another's lock: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// Deleting a key before its predecessor would lengthen the predecessor's life.
func TestRotate_NoKeyGoesBeforeItsPredecessor(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	f.TokenLife = time.Hour
	first(t, f, token.EdDSA)
	f.TokenLife = time.Minute
	c.Advance(time.Second)
	rotate(t, f, token.RotateOptions{})
	c.Advance(time.Second)
	rotate(t, f, token.RotateOptions{})
	keys := list(t, f).Keys
	if middle, oldest := keys[1].DeleteAfter, keys[2].DeleteAfter; !middle.Equal(oldest) {
		t.Errorf("the oldest key goes at %s, its successor at %s", oldest, middle)
	}
}
