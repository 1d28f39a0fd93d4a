package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"hasura-login/dev/standin/metadata"
)

const dynamicScheme = "dynamic-from-file://"

// open connects to a database whose URL stands in a variable or in a file. A file
// is read again for every connection, so that a password rotates without a restart.
func open(url string) (*sql.DB, error) {
	first, err := readURL(url)
	if err != nil {
		return nil, fmt.Errorf("reading a database URL: %w", err)
	}
	cfg, err := pgx.ParseConfig(first)
	if err != nil {
		return nil, errors.New("a database URL cannot be read") // its text holds the password
	}
	db := stdlib.OpenDB(*cfg, stdlib.OptionBeforeConnect(func(_ context.Context, into *pgx.ConnConfig) error {
		now, err := readURL(url)
		if err != nil {
			return fmt.Errorf("reading a database URL: %w", err)
		}
		fresh, err := pgx.ParseConfig(now)
		if err != nil {
			return errors.New("a database URL cannot be read")
		}
		into.Host, into.Port, into.Database, into.User, into.Password = fresh.Host, fresh.Port, fresh.Database, fresh.User, fresh.Password
		return nil
	}))
	db.SetMaxOpenConns(20)
	db.SetConnMaxLifetime(10 * time.Minute)
	return db, nil
}

// readURL returns a URL, or the content of the file that it names.
func readURL(url string) (string, error) {
	file, dynamic := strings.CutPrefix(url, dynamicScheme)
	if !dynamic {
		return url, nil
	}
	b, err := os.ReadFile(file) // #nosec G304 -- the operator's own setting
	return string(b), err
}

// sourceURL resolves a source's connection as the engine does: a file must lie
// below the prefix that the operator allows.
func sourceURL(s *settings, u metadata.DatabaseURL) (string, error) {
	if u.DynamicFromFile == "" {
		value, set := s.lookup(u.FromEnv)
		if !set {
			return "", fmt.Errorf("environment variable %q is not set", u.FromEnv)
		}
		return value, nil
	}
	allowed := s.env[prefix+"DYNAMIC_SECRETS_ALLOWED_PATH_PREFIX"]
	if allowed == "" || !strings.HasPrefix(filepath.Clean(u.DynamicFromFile), allowed) {
		return "", fmt.Errorf("the file %s is not below the allowed prefix %q", u.DynamicFromFile, allowed)
	}
	return dynamicScheme + u.DynamicFromFile, nil
}
