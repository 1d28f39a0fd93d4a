package devstack

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"slices"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"hasura-login/app/cmd"
	"hasura-login/app/store/postgres"
	"hasura-login/app/store/sqlite"
	"hasura-login/dev/standin"
)

// The migrations grant rights to loginRole, login's, and claimsRole, which the project's
// function auth.claims runs as.
const (
	loginRole  = "hasura_login"
	claimsRole = "hasura_claims"
)

// database is where the users are: SQLite in the data folder, or the Postgres of
// --database-url.
type database struct {
	backend cmd.Backend
	db      *sql.DB // for the stand-in
	dialect standin.Dialect
	close   func() error // db, if the store does not
}

func (v stack) databaseFile() string { return filepath.Join(v.data, "login.db") }

// openDatabase opens the store that the flags name.
func (v stack) openDatabase(ctx context.Context, organizations bool) (database, error) {
	if v.databaseURL == "" {
		store, err := sqlite.Open(v.databaseFile())
		if err != nil {
			return database{}, err
		}
		return database{cmd.Backend{Store: store}, store.DB(), standin.SQLite, func() error { return nil }}, nil
	}
	own, err := asRole(v.databaseURL, loginRole)
	if err != nil {
		return database{}, err
	}
	db, err := sql.Open("pgx", v.databaseURL)
	if err != nil {
		return database{}, errors.New("--database-url: the URL cannot be read") // its text may hold a password
	}
	store, err := postgres.Open(ctx, func() (string, error) { return own, nil })
	if err != nil {
		return database{}, errors.Join(fmt.Errorf("--database-url: %w", err), db.Close())
	}
	if organizations {
		store.UseOrganizations()
	}
	return database{cmd.Backend{Store: store}, db, standin.Postgres, db.Close}, nil
}

// asRole has every connection of a URL act as a role, so that login has the rights that
// it has in production and no more.
func asRole(databaseURL, role string) (string, error) {
	u, err := url.Parse(databaseURL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", errors.New("--database-url: must be a URL such as postgres://postgres@localhost/app")
	}
	query := u.Query()
	query.Set("role", role)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// prepare brings the database to the project's tables and returns what it applied.
func (d database) prepare(ctx context.Context, project fs.FS) ([]string, error) {
	if d.dialect == standin.SQLite {
		return nil, d.sqliteTables(ctx, project)
	}
	if err := d.db.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("--database-url: %w", err)
	}
	// Production's other roles are not needed.
	_, err := d.db.ExecContext(ctx, `
		DO $$ DECLARE role text; BEGIN
		  FOREACH role IN ARRAY ARRAY['`+loginRole+`', '`+claimsRole+`'] LOOP
		    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN EXECUTE format('CREATE ROLE %I NOLOGIN', role); END IF;
		    EXECUTE format('GRANT %I TO %I', role, current_user);
		  END LOOP;
		END $$;
		GRANT USAGE ON SCHEMA public TO `+loginRole+`, `+claimsRole+`;
		CREATE SCHEMA IF NOT EXISTS hasura_login_dev;
		CREATE TABLE IF NOT EXISTS hasura_login_dev.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());`)
	if err != nil {
		return nil, fmt.Errorf("--database-url: preparing the database needs a user who may create roles and schemas: %w", err)
	}
	names, err := fs.Glob(project, "migrations/default/*/up.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var applied []string
	for _, name := range names {
		did, err := d.migrate(ctx, project, name)
		if err != nil {
			return applied, err
		}
		if did {
			applied = append(applied, path.Base(path.Dir(name)))
		}
	}
	return applied, nil
}

// migrate runs a migration in a transaction, once.
func (d database) migrate(ctx context.Context, project fs.FS, file string) (bool, error) {
	name := path.Base(path.Dir(file))
	content, err := fs.ReadFile(project, file)
	if err != nil {
		return false, err
	}
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // without effect after the commit
	var known bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM hasura_login_dev.migrations WHERE name = $1)`, name).Scan(&known); err != nil || known {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, string(content)); err != nil {
		return false, fmt.Errorf("migration %s: %w", file, err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO hasura_login_dev.migrations (name) VALUES ($1)`, name); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

// sqliteTables makes the tables that a project has for SQLite; Postgres' SQL does not run
// there.
func (d database) sqliteTables(ctx context.Context, project fs.FS) error {
	files, err := fs.Glob(project, "sqlite/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(files)
	for _, name := range files {
		content, err := fs.ReadFile(project, name)
		if err != nil {
			return err
		}
		if _, err := d.db.ExecContext(ctx, string(content)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
