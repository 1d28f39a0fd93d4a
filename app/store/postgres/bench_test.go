package postgres_test

import (
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/store/storetest"
	"hasura-login/app/testserver"
)

func BenchmarkStore(b *testing.B) {
	f := newFixture(b)
	storetest.Bench(b, func(b *testing.B) login.Store { return f.open(b, f.newDatabase(b)) })
}

func BenchmarkStoreThroughPgBouncer(b *testing.B) {
	f := newFixture(b)
	pooler := testserver.StartPgBouncer(b, f.Postgres, role)
	storetest.Bench(b, func(b *testing.B) login.Store {
		database := f.newDatabase(b)
		return openURL(b, func() (string, error) { return pooler.URL(f.Postgres, f.URLFor(role, database)), nil })
	})
}
