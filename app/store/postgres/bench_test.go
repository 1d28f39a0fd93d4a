package postgres_test

import (
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/store/storetest"
)

func BenchmarkStore(b *testing.B) {
	f := newFixture(b)
	storetest.Bench(b, func(b *testing.B) login.Store { return f.open(b, f.newDatabase(b)) })
}
