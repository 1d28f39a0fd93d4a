package main

import (
	"archive/zip"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"hasura-login/dev/standin/metadata"
)

// catalog is the engine's own schema in the metadata database. The columns are the
// engine's; the metadata itself is stored as the project's files, zipped, next to the
// names of its sources.
type catalog struct{ db *sql.DB }

// stored is the content of hdb_catalog.hdb_metadata.
type stored struct {
	Version int            `json:"version"`
	Sources []storedSource `json:"sources"`
	Project []byte         `json:"project,omitempty"`
}

type storedSource struct {
	Name string `json:"name"`
}

// prepare makes the catalog. The statements are one transaction, and the lock is
// for engines that start at once.
func (c catalog) prepare(ctx context.Context) error {
	_, err := c.db.ExecContext(ctx, `
		SELECT pg_advisory_xact_lock(4711);
		CREATE SCHEMA IF NOT EXISTS hdb_catalog;
		CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA public;
		CREATE TABLE IF NOT EXISTS hdb_catalog.hdb_version (
		  hasura_uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(), version text NOT NULL, upgraded_on timestamptz NOT NULL,
		  cli_state jsonb NOT NULL DEFAULT '{}', console_state jsonb NOT NULL DEFAULT '{}');
		CREATE TABLE IF NOT EXISTS hdb_catalog.hdb_metadata (
		  id integer PRIMARY KEY, metadata json NOT NULL, resource_version integer NOT NULL DEFAULT 1);
		INSERT INTO hdb_catalog.hdb_version (version, upgraded_on)
		  SELECT '48', now() WHERE NOT EXISTS (SELECT FROM hdb_catalog.hdb_version);
		INSERT INTO hdb_catalog.hdb_metadata (id, metadata) VALUES (1, '{"version":3,"sources":[]}') ON CONFLICT DO NOTHING`)
	if err != nil {
		return fmt.Errorf("catalog_migrate: %w", err)
	}
	return nil
}

func (c catalog) metadata(ctx context.Context) (text []byte, version int, err error) {
	err = c.db.QueryRowContext(ctx, `SELECT metadata::text, resource_version FROM hdb_catalog.hdb_metadata WHERE id = 1`).Scan(&text, &version)
	return text, version, err
}

// resourceVersion is what every engine watches.
func (c catalog) resourceVersion(ctx context.Context) (version int, err error) {
	err = c.db.QueryRowContext(ctx, `SELECT resource_version FROM hdb_catalog.hdb_metadata WHERE id = 1`).Scan(&version)
	return version, err
}

func (c catalog) replace(ctx context.Context, project []byte) error {
	m, err := loadProject(project)
	if err != nil {
		return err
	}
	s := stored{Version: 3, Project: project}
	for _, source := range m.Sources {
		s.Sources = append(s.Sources, storedSource{source.Name})
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = c.db.ExecContext(ctx, `UPDATE hdb_catalog.hdb_metadata SET metadata = $1::text::json, resource_version = resource_version + 1 WHERE id = 1`, string(text))
	return err
}

// reload makes every engine look at its tables again.
func (c catalog) reload(ctx context.Context) error {
	_, err := c.db.ExecContext(ctx, `UPDATE hdb_catalog.hdb_metadata SET resource_version = resource_version + 1 WHERE id = 1`)
	return err
}

func (c catalog) cliState(ctx context.Context) (state json.RawMessage, err error) {
	err = c.db.QueryRowContext(ctx, `SELECT cli_state::text FROM hdb_catalog.hdb_version`).Scan((*[]byte)(&state))
	return state, err
}

func (c catalog) setCLIState(ctx context.Context, state json.RawMessage) error {
	_, err := c.db.ExecContext(ctx, `UPDATE hdb_catalog.hdb_version SET cli_state = $1::text::jsonb`, string(state))
	return err
}

// load is the metadata in effect; an empty system has none.
func (c catalog) load(ctx context.Context) (*metadata.Metadata, int, error) {
	text, version, err := c.metadata(ctx)
	if err != nil {
		return nil, 0, err
	}
	var s stored
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, 0, fmt.Errorf("hdb_metadata: %w", err)
	}
	if len(s.Project) == 0 {
		return &metadata.Metadata{}, version, nil
	}
	m, err := loadProject(s.Project)
	return m, version, err
}

// zipProject packs what of a CLI project makes the metadata.
func zipProject(project fs.FS) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	err := errors.Join(w.AddFS(project), w.Close())
	return b.Bytes(), err
}

func loadProject(zipped []byte) (*metadata.Metadata, error) {
	r, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		return nil, err
	}
	return metadata.Load(r)
}
