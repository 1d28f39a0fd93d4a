package token_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hasura-login/app/testclock"
	"hasura-login/app/token"
)

// rotations is how many the killed processes make in all before the test ends.
var rotations = flag.Int("rotations", 1000, "rotations to survive in TestRing_SurvivesKills")

// Names that the test and the process it kills share.
const (
	envKillMe    = "TOKEN_TEST_KILL_ME"
	journalName  = "journal"
	ringName     = "keys"
	noteIssued   = "issued"
	noteRevoking = "revoking"
)

// Time in this test is virtual and runs ahead in steps; these are short, so
// that few keys are alive at once.
const (
	crashLife  = 60 * time.Second
	crashAhead = 20 * time.Second
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envKillMe); dir != "" {
		if err := rotateUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// rotateUntilKilled rotates, issues and revokes by a clock that goes on from
// where the journal ends, and notes each token that is out.
func rotateUntilKilled(dir string) error {
	notes, err := readJournal(dir)
	if err != nil {
		return err
	}
	journal, err := os.OpenFile(filepath.Join(dir, journalName), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = journal.Close() }()
	c := testclock.At(notes.now)
	f := folder{token.Keys{Shelf: token.Folder(filepath.Join(dir, ringName)), TokenLife: crashLife, Now: c.Now}}
	for {
		c.Advance(time.Duration(rand.Int64N(int64(2 * crashAhead))))
		if err := oneStep(f, c.Now(), journal); err != nil {
			return err
		}
	}
}

func oneStep(f folder, now time.Time, journal *os.File) error {
	var pending *token.PendingError
	if _, err := f.Rotate(token.RotateOptions{PublishAhead: crashAhead}); err != nil && !errors.As(err, &pending) {
		return err
	}
	ring, err := token.Open(f.Keys, token.Hooks{})
	if err != nil {
		return err
	}
	issuer, err := token.NewIssuer(ring, names)
	if err != nil {
		return err
	}
	raw, _, err := issuer.Issue(alice(), now)
	if err != nil {
		return err
	}
	if err := note(journal, now, noteIssued, raw); err != nil || rand.IntN(8) > 0 {
		return err
	}
	keys := ring.List().Keys
	kid := keys[rand.IntN(len(keys))].KID
	if err := note(journal, now, noteRevoking, kid); err != nil {
		return err
	}
	_, err = f.Revoke(kid)
	return err
}

func note(journal *os.File, now time.Time, what, value string) error {
	_, err := fmt.Fprintf(journal, "%d %s %s\n", now.UnixNano(), what, value)
	return err
}

// notes are the acts that the killed processes recorded before they died.
type notes struct {
	now     time.Time
	tokens  map[string]time.Time // token to expiry
	revoked map[string]bool
	steps   int
}

// readJournal also cuts off a line that a kill left half written: the next note
// would go on with it.
func readJournal(dir string) (notes, error) {
	n := notes{now: start, tokens: make(map[string]time.Time), revoked: make(map[string]bool)}
	data, err := os.ReadFile(filepath.Join(dir, journalName))
	if errors.Is(err, os.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	if err := os.Truncate(filepath.Join(dir, journalName), int64(whole)); err != nil {
		return n, err
	}
	lines := bufio.NewScanner(bytes.NewReader(data[:whole]))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		nanos, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return n, err
		}
		n.now = time.Unix(0, nanos).UTC()
		switch fields[1] {
		case noteIssued:
			n.tokens[fields[2]] = n.now.Truncate(time.Second).Add(crashLife)
			n.steps++
		case noteRevoking:
			n.revoked[fields[2]] = true
		}
	}
	return n, lines.Err()
}

// A process that changes the ring is killed at a random moment, again and
// again. Whatever it was doing, the ring it leaves is usable, and no token that
// is alive has lost its key.
func TestRing_SurvivesKills(t *testing.T) {
	dir := t.TempDir()
	kills := 0
	for steps := 0; steps < *rotations; kills++ {
		killAtRandom(t, dir)
		n, err := readJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		if n.steps == 0 {
			continue // killed before it had a ring
		}
		steps = n.steps
		checkSurvival(t, dir, n)
		if t.Failed() {
			t.Fatalf("after %d kills and %d rotations", kills+1, steps)
		}
	}
	t.Logf("%d kills in %d rotations", kills, *rotations)
}

func killAtRandom(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command(os.Args[0]) // #nosec G204 -- this test binary
	cmd.Env = append(os.Environ(), envKillMe+"="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	before := journalSize(dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Mostly its start is not interesting: wait for the first sign of life.
	for deadline := time.Now().Add(30 * time.Second); journalSize(dir) == before && rand.IntN(100) > 0; time.Sleep(200 * time.Microsecond) {
		if time.Now().After(deadline) {
			break // Wait tells why
		}
	}
	time.Sleep(time.Duration(rand.Int64N(int64(40 * time.Millisecond))))
	if err := cmd.Process.Kill(); err != nil {
		t.Logf("killing: %v", err)
	}
	_ = cmd.Wait() // it was killed
	if stderr.Len() > 0 {
		t.Fatalf("the process failed by itself: %s", stderr.String())
	}
}

func journalSize(dir string) int64 {
	info, err := os.Stat(filepath.Join(dir, journalName))
	if err != nil {
		return 0
	}
	return info.Size()
}

func checkSurvival(t *testing.T, dir string, n notes) {
	t.Helper()
	c := testclock.At(n.now)
	f := folder{token.Keys{Shelf: token.Folder(filepath.Join(dir, ringName)), TokenLife: crashLife, Now: c.Now}}
	s := newService(t, f, token.Hooks{OnProblem: func(p token.Problem) { t.Errorf("problem: %s", p) }})
	kids := published(t, s.JWKS())
	for raw, expiresAt := range n.tokens {
		if kid := keyOf(t, raw); !n.now.Before(expiresAt) || n.revoked[kid] {
			continue
		}
		if _, err := s.verifier.Verify(raw, n.now); err != nil {
			t.Errorf("a live token lost its key: %v", err)
		}
		if !slices.Contains(kids, keyOf(t, raw)) {
			t.Errorf("key %s of a live token is not published", keyOf(t, raw))
		}
	}
	if _, err := s.verifier.Verify(s.issue(t, n.now), n.now); err != nil {
		t.Errorf("the ring does not sign: %v", err)
	}
	if len(kids) > 20 {
		t.Errorf("keys pile up: %d", len(kids))
	}
}
