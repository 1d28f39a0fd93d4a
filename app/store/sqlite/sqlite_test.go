package sqlite_test

import (
	"path/filepath"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/store/sqlite"
	"hasura-login/app/store/storetest"
)

func TestStore_Conforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) login.Store { return open(t, filepath.Join(t.TempDir(), "login.db")) })
}

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) login.Store { return open(b, filepath.Join(b.TempDir(), "login.db")) })
}
