package sqlite_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/storetest"
	"hasura-login/app/testserver"
)

// Readiness that only reads stays green on a full disk, as reports about many
// services say whose health check is "SELECT 1".

func TestPing_FullDisk(t *testing.T) {
	dir := testserver.SmallDisk(t, 1)
	store := open(t, filepath.Join(dir, "login.db"))
	family := storetest.NewFamily(t, store, "ann@example.org")
	if err := store.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	empty := testserver.FillDisk(t, dir)
	if err := store.Ping(t.Context()); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("Ping with a full disk: %v, want ErrUnavailable", err)
	}
	if err := family.Step(t.Context()); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("a refresh with a full disk: %v, want ErrUnavailable", err)
	}
	empty()
	testserver.Eventually(t, "ready again by itself", func() bool { return store.Ping(t.Context()) == nil })
	if err := family.Step(t.Context()); err != nil {
		t.Errorf("a refresh afterwards: %v", err)
	}
}

func TestPing_FileThatMayNotBeWritten(t *testing.T) {
	store := open(t, newPath(t))
	for _, step := range []struct {
		readOnly bool
		want     error
	}{{false, nil}, {true, login.ErrUnavailable}, {false, nil}} {
		if err := store.SetReadOnly(t.Context(), step.readOnly); err != nil {
			t.Fatal(err)
		}
		if err := store.Ping(t.Context()); !errors.Is(err, step.want) {
			t.Errorf("Ping, read-only %v: %v, want %v", step.readOnly, err, step.want)
		}
	}
}

func TestPing_LeavesNothing(t *testing.T) {
	path := newPath(t)
	store := open(t, path)
	size := func() (n int) {
		t.Helper()
		if err := store.DB().QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, start := size(), time.Now()
	for range 1000 {
		if err := store.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s a ping", time.Since(start)/1000)
	if after := size(); after != before {
		t.Errorf("%d pages, were %d", after, before)
	}
}
