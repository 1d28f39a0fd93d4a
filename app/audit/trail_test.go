package audit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/audit"
	"hasura-login/app/login"
	"hasura-login/app/testclock"
	"hasura-login/app/testserver"
)

// world is a trail in its own folder, with the notifications about it.
type world struct {
	t     *testing.T
	dir   string
	clock *testclock.Clock

	mu        sync.Mutex
	writable  bool
	lost      int
	displaced int
	failed    []error
	asked     []string
}

func newWorld(t *testing.T) *world {
	return &world{t: t, dir: filepath.Join(t.TempDir(), "audit"), clock: testclock.At(time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC))}
}

func (w *world) AuditWritable(yes bool) { w.mu.Lock(); defer w.mu.Unlock(); w.writable = yes }
func (w *world) AuditLost()             { w.mu.Lock(); defer w.mu.Unlock(); w.lost++ }
func (w *world) AuditDisplaced()        { w.mu.Lock(); defer w.mu.Unlock(); w.displaced++ }

func (w *world) config() audit.Config {
	return audit.Config{
		Dir: w.dir, Keep: 90 * 24 * time.Hour, MaxSize: 1 << 20, Observer: w, Now: w.clock.Now,
		Failed: func(err error, _ []byte) { w.mu.Lock(); defer w.mu.Unlock(); w.failed = append(w.failed, err) },
		Find: func(_ context.Context, email string) (string, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.asked = append(w.asked, email)
			if email == "ann@example.org" {
				return "ann", nil
			}
			return "", login.ErrNotFound
		},
	}
}

func (w *world) open() *audit.Trail {
	w.t.Helper()
	trail, err := audit.Open(w.config())
	if err != nil {
		w.t.Fatal(err)
	}
	return trail
}

func (w *world) read(f audit.Filter) []audit.Line {
	w.t.Helper()
	var lines []audit.Line
	if err := audit.Read(context.Background(), w.dir, f, func(l audit.Line) error { lines = append(lines, l); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return lines
}

func (w *world) size() (bytes int64) {
	w.t.Helper()
	files, err := os.ReadDir(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			w.t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}

var wrongPassword = login.Event{Name: login.EventRefused, Operation: login.OpSignIn, Reason: "invalid-credentials", UserID: "ann", ClientPrefix: "192.0.2.7/32", Actor: login.ActorUser}

func TestTrail_AnEventIsWrittenBeforeRecordReturns(t *testing.T) {
	w := newWorld(t)
	trail := w.open()
	ctx := audit.WithRequestID(context.Background(), "request-1")
	trail.Record(ctx, wrongPassword)
	want := audit.Line{
		Time: w.clock.Now(), Event: login.EventRefused, Operation: login.OpSignIn, Reason: "invalid-credentials",
		User: "ann", Client: "192.0.2.7/32", Actor: "user", ID: "request-1",
	}
	if got := w.read(audit.Filter{}); len(got) != 1 || got[0] != want {
		t.Errorf("the trail has %+v", got)
	}
	trail.Record(ctx, login.Event{Name: login.EventRefreshed, UserID: "ann"})
	trail.Close()
	if got := w.read(audit.Filter{Event: login.EventRefreshed}); len(got) != 1 {
		t.Errorf("after the end it has %+v", got)
	}
}

// Evidence that comes from anybody, in any number, pushes out only its like.
func TestTrail_NoiseDisplacesNothingElse(t *testing.T) {
	w := newWorld(t)
	trail := w.open()
	kept := []login.EventName{login.EventUserDeleted, login.EventKeyRotated, login.EventPasswordChanged, login.EventSignedIn, login.EventRefreshed}
	for _, name := range kept {
		trail.Record(context.Background(), login.Event{Name: name, UserID: "ann"})
	}
	for i := range 30_000 {
		w.clock.Advance(time.Second)
		e := wrongPassword
		e.ClientPrefix = fmt.Sprintf("198.51.%d.%d/32", i/256%256, i%256)
		trail.Record(context.Background(), e)
		e.Name, e.Scope = login.EventThrottled, "client"
		trail.Record(context.Background(), e)
	}
	trail.Close()
	w.clock.Advance(time.Hour)
	w.open().Close() // which removes what is too much
	for _, name := range kept {
		if got := w.read(audit.Filter{Event: name}); len(got) != 1 {
			t.Errorf("of %s %d events are left", name, len(got))
		}
	}
	newest := w.read(audit.Filter{Event: login.EventRefused})
	if len(newest) == 0 || newest[len(newest)-1].Client != "198.51.117.47/32" {
		t.Errorf("%d refusals are left, and not the newest", len(newest))
	}
	if size := w.size(); size > 1<<20 {
		t.Errorf("the trail takes %d bytes", size)
	}
	if w.displaced == 0 {
		t.Error("no warning says that files went before their time")
	}
}

func TestTrail_EventsGoWhenTheyAreOld(t *testing.T) {
	w := newWorld(t)
	trail := w.open()
	trail.Record(context.Background(), wrongPassword)
	trail.Close()
	files, err := filepath.Glob(filepath.Join(w.dir, "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	long := w.clock.Now().Add(-91 * 24 * time.Hour)
	if err := os.Chtimes(files[0], long, long); err != nil {
		t.Fatal(err)
	}
	w.open().Close()
	if got := w.read(audit.Filter{}); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	if w.displaced > 0 {
		t.Errorf("%d are counted as displaced", w.displaced)
	}
}

// A replica that removes old files must not remove the file that another one writes.
func TestTrail_ReplicasShareAFolder(t *testing.T) {
	w := newWorld(t)
	first, second := w.open(), w.open()
	first.Record(context.Background(), wrongPassword)
	second.Record(context.Background(), wrongPassword)
	files, err := filepath.Glob(filepath.Join(w.dir, "*.jsonl"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v %v: not a file each", files, err)
	}
	long := w.clock.Now().Add(-91 * 24 * time.Hour)
	for _, f := range files {
		if err := os.Chtimes(f, long, long); err != nil {
			t.Fatal(err)
		}
	}
	w.open().Close()
	first.Record(context.Background(), wrongPassword)
	second.Record(context.Background(), wrongPassword)
	if got := w.read(audit.Filter{}); len(got) != 4 {
		t.Errorf("%d of 4 events are left", len(got))
	}
	first.Close()
	second.Close()
}

func TestTrail_ThrottledAttemptsAreAddedUp(t *testing.T) {
	w := newWorld(t)
	trail := w.open()
	ctx := audit.WithRequestID(context.Background(), "first")
	attempt := login.Event{Name: login.EventThrottled, Operation: login.OpSignIn, Reason: "rate-limited", Scope: "account", Account: "ann@example.org", ClientPrefix: "192.0.2.7/32", Actor: login.ActorUser}
	trail.Record(ctx, attempt)
	for range 999 {
		w.clock.Advance(20 * time.Millisecond)
		trail.Record(context.Background(), attempt)
	}
	other := attempt
	other.Account = "nobody@example.org"
	trail.Record(context.Background(), other)
	other.Scope, other.Account = "client", ""
	trail.Record(context.Background(), other)
	trail.Close()
	got := w.read(audit.Filter{})
	if len(got) != 3 {
		t.Fatalf("the trail has %+v", got)
	}
	ann := got[slices.IndexFunc(got, func(l audit.Line) bool { return l.User == "ann" })]
	if ann.Count != 1000 || ann.ID != "first" || ann.Scope != "account" || ann.Operation != login.OpSignIn || ann.Time.Sub(ann.From) != 999*20*time.Millisecond {
		t.Errorf("added up to %+v", ann)
	}
	for _, l := range got {
		if l.User == "" && l.Count != 1 {
			t.Errorf("of an unknown account %+v", l)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(w.dir, "*")); !holdsNone(t, files, "@") {
		t.Error("an address is in the trail")
	}
}

func holdsNone(t *testing.T, files []string, text string) bool {
	t.Helper()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), text) {
			return false
		}
	}
	return len(files) > 0
}

// Memory use and database queries stay bounded for any number of clients, and limits of
// other scopes are still reported.
func TestTrail_AFloodFromEverywhereIsBounded(t *testing.T) {
	w := newWorld(t)
	trail := w.open()
	for i := range 100_000 {
		trail.Record(context.Background(), login.Event{
			Name: login.EventThrottled, Operation: login.OpSignIn, Scope: "client", Account: fmt.Sprintf("user%d@example.org", i),
			ClientPrefix: fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255),
		})
	}
	trail.Record(context.Background(), login.Event{Name: login.EventThrottled, Operation: login.OpSignIn, Scope: "account", Account: "ann@example.org", ClientPrefix: "192.0.2.7/32"})
	trail.Record(context.Background(), login.Event{Name: login.EventThrottled, Operation: login.OpSignIn, Scope: "account", Account: "ann@example.org", ClientPrefix: "192.0.2.7/32"})
	trail.Close()
	got := w.read(audit.Filter{Event: login.EventThrottled})
	total := 0
	for _, l := range got {
		total += l.Count
	}
	if len(got) > 3000 || total != 100_002 {
		t.Errorf("%d lines for %d attempts", len(got), total)
	}
	if ann := w.read(audit.Filter{User: "ann"}); len(ann) != 1 || ann[0].Count != 2 {
		t.Errorf("of the one account: %+v", ann)
	}
	if len(w.asked) > 2000 {
		t.Errorf("the database was asked %d times", len(w.asked))
	}
}

func TestOpen_FailsWhereNothingCanBeWritten(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(w.dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"a file": w.dir, "no parent": filepath.Join(w.dir+"x", "y")} {
		cfg := w.config()
		cfg.Dir = dir
		if _, err := audit.Open(cfg); err == nil {
			t.Errorf("%s is taken for the trail's folder", name)
		}
		if _, err := audit.OpenVerb(dir); err == nil {
			t.Errorf("%s is taken by a verb", name)
		}
	}
}

// The service goes on, and writes what happened meanwhile when it can again.
func TestTrail_WaitsForADiskThatTakesNothing(t *testing.T) {
	w := newWorld(t)
	trail := w.open()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	aside := w.dir + ".aside"
	if err := os.Rename(w.dir, aside); err != nil {
		t.Fatal(err)
	}
	trail.Record(ctx, wrongPassword)
	if w.writable || trail.Writable() == nil || len(w.failed) != 1 {
		t.Errorf("while it cannot be written: writable %v, %v, told %v", w.writable, trail.Writable(), w.failed)
	}
	for range 2000 { // more than are kept
		trail.Record(ctx, wrongPassword)
	}
	if w.lost == 0 || w.lost > 1000 {
		t.Errorf("%d events were told to be lost", w.lost)
	}
	if err := os.Rename(aside, w.dir); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { trail.Run(ctx); close(done) }()
	for deadline := time.Now().Add(10 * time.Second); trail.Writable() != nil && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
	}
	stop()
	<-done
	trail.Close()
	if got := w.read(audit.Filter{}); len(got)+w.lost != 2001 || !w.writable {
		t.Errorf("%d events and %d lost of 2001; writable %v", len(got), w.lost, w.writable)
	}
}

func TestRead_FiltersInTheOrderOfTime(t *testing.T) {
	w := newWorld(t)
	first, second := w.open(), w.open()
	for i, e := range []login.Event{
		{Name: login.EventSignedIn, UserID: "ann", ClientPrefix: "192.0.2.7/32"},
		{Name: login.EventRefused, UserID: "bob", ClientPrefix: "2001:db8::/64"},
		{Name: login.EventPasswordChanged, UserID: "ann", ClientPrefix: "unknown"},
		{Name: login.EventRefused, UserID: "ann", ClientPrefix: "2001:db8::/64"},
	} {
		w.clock.Advance(time.Minute)
		ctx := audit.WithRequestID(context.Background(), fmt.Sprintf("r%d", i))
		if i%2 == 0 {
			first.Record(ctx, e)
		} else {
			second.Record(ctx, e)
		}
	}
	first.Close()
	second.Close()
	torn, err := os.OpenFile(filepath.Join(w.dir, "refusals.20261129T080000Z.x-1.jsonl"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = torn.WriteString(`{"time":"2026-11-29T08:00:00Z","event":"refu`)
	if err = errors.Join(err, torn.Close()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		filter audit.Filter
		want   string
	}{
		{"all", audit.Filter{}, "r0 r1 r2 r3"},
		{"a user", audit.Filter{User: "ann"}, "r0 r2 r3"},
		{"an event", audit.Filter{Event: login.EventRefused}, "r1 r3"},
		{"a client", audit.Filter{Client: netip.MustParseAddr("2001:db8::17")}, "r1 r3"},
		{"another client", audit.Filter{Client: netip.MustParseAddr("192.0.2.7")}, "r0"},
		{"a mapped client", audit.Filter{Client: netip.MustParseAddr("::ffff:192.0.2.7")}, "r0"},
		{"a request", audit.Filter{Request: "r2"}, "r2"},
		{"since", audit.Filter{Since: w.clock.Now().Add(-time.Minute)}, "r2 r3"},
		{"a kind", audit.Filter{Kinds: []audit.Kind{audit.KindChanges}}, "r2"},
		{"nothing", audit.Filter{User: "nobody"}, ""},
	} {
		var ids []string
		for _, l := range w.read(c.filter) {
			ids = append(ids, l.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

func TestVerb_WritesAtOnceNextToAService(t *testing.T) {
	w := newWorld(t)
	trail := w.open()
	var verbs sync.WaitGroup
	for range 8 {
		verbs.Go(func() {
			v, err := audit.OpenVerb(w.dir)
			if err == nil {
				err = errors.Join(
					v.RecordAct(context.Background(), login.Event{Name: login.EventUserDeleted, UserID: "ann", Actor: login.ActorOperator}),
					v.RecordAct(context.Background(), login.Event{Name: login.EventUserDisabled, UserID: "bob", Actor: login.ActorOperator}))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	verbs.Wait()
	trail.Record(context.Background(), login.Event{Name: login.EventAccountDeleted, UserID: "cat"})
	trail.Close()
	if got := w.read(audit.Filter{Kinds: []audit.Kind{audit.KindDeletions}}); len(got) != 9 {
		t.Errorf("%d of 9 deletions", len(got))
	}
	if got := w.read(audit.Filter{Kinds: []audit.Kind{audit.KindOperators}}); len(got) != 8 {
		t.Errorf("%d of 8 acts", len(got))
	}
}

func TestKinds_EveryEventHasOne(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "app/login/audit.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`EventName = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	for _, m := range found {
		if !audit.Knows(login.EventName(m[1])) {
			t.Errorf("no kind for %s", m[1])
		}
	}
	if len(found) < 20 {
		t.Errorf("only %d events were found", len(found))
	}
	if kind := audit.KindOf(login.Event{Name: login.EventSignedOutAll, Actor: login.ActorOperator}); kind != audit.KindOperators {
		t.Errorf("an operator's act is kept with %s", kind)
	}
}

// BenchmarkRecord is what an event costs the request that records it.
func BenchmarkRecord(b *testing.B) {
	for name, event := range map[string]login.Event{
		"refreshed": {Name: login.EventRefreshed, Operation: login.OpRefresh, UserID: "0f8fad5b-d9cb-469f-a165-70867728950e", SessionID: "7c9e6679-7425-40de-944b-e07fc1f90ae7", ClientPrefix: "192.0.2.7/32", Actor: login.ActorUser},
		"signed-in": {Name: login.EventSignedIn, Operation: login.OpSignIn, UserID: "0f8fad5b-d9cb-469f-a165-70867728950e", SessionID: "7c9e6679-7425-40de-944b-e07fc1f90ae7", ClientPrefix: "192.0.2.7/32", Actor: login.ActorUser},
		"throttled": {Name: login.EventThrottled, Operation: login.OpSignIn, Scope: "account", Account: "ann@example.org", ClientPrefix: "192.0.2.7/32"},
	} {
		b.Run(name, func(b *testing.B) {
			w := &world{dir: b.TempDir(), clock: testclock.At(time.Now())}
			cfg := w.config()
			cfg.Now, cfg.MaxSize = time.Now, 1<<30
			trail, err := audit.Open(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer trail.Close()
			ctx := audit.WithRequestID(context.Background(), "f3a1b2c4d5e6f708192a3b4c5d6e7f80")
			b.ReportAllocs()
			for b.Loop() {
				trail.Record(ctx, event)
			}
		})
	}
}
