package testserver_test

import (
	"testing"

	"hasura-login/app/testserver"
)

func TestPostgres_MigratesTwiceToTheSameTables(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	pg.Migrate(t, "app") // the migration tool may run a file twice after a crash
	pg.Exec(t, "app", `INSERT INTO public.users (email, name) VALUES ('a+b@example.org', 'Ann')`)
}
