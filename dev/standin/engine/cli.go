package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// cli talks to an engine as Hasura's CLI does.
type cli struct {
	endpoint, secret string
	project          fs.FS
}

func runCLI(ctx context.Context, args, environ []string) error {
	c, words, err := parseCLI(args, environ)
	if err != nil {
		return err
	}
	switch strings.Join(words, " ") {
	case "metadata export --output json":
		text, err := c.call(ctx, "/v1/metadata", "export_metadata", struct{}{})
		if err != nil {
			return err
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, text, "", "  "); err != nil {
			return err
		}
		_, err = indented.WriteTo(os.Stdout)
		return err
	case "metadata apply":
		return c.applyMetadata(ctx)
	case "metadata reload":
		_, err := c.call(ctx, "/v1/metadata", "reload_metadata", struct{}{})
		return err
	case "metadata inconsistency status", "metadata inconsistency list":
		return c.inconsistency(ctx, words[2] == "list")
	case "migrate apply --database-name default":
		return c.migrate(ctx, "default")
	default:
		return fmt.Errorf("the stand-in has no command %q", words)
	}
}

func parseCLI(args, environ []string) (cli, []string, error) {
	c := cli{endpoint: "http://localhost:8080"}
	var words []string
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "--project" && len(args) > 0:
			root, err := filepath.Abs(args[0])
			if err != nil {
				return c, nil, err
			}
			c.project, args = os.DirFS(root), args[1:]
		case word == "--skip-update-check" || word == "--no-color":
		default:
			words = append(words, word)
		}
	}
	for _, entry := range environ {
		switch name, value, _ := strings.Cut(entry, "="); name {
		case prefix + "ENDPOINT":
			c.endpoint = value
		case prefix + "ADMIN_SECRET":
			c.secret = value
		}
	}
	if c.project == nil {
		return c, nil, errors.New("--project is needed")
	}
	return c, words, nil
}

func (c cli) call(ctx context.Context, route, kind string, args any) ([]byte, error) {
	body, err := json.Marshal(map[string]any{"type": kind, "args": args})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint+route, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Hasura-Admin-Secret", c.secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s %s", kind, res.Status, bytes.TrimSpace(text.Bytes()))
	}
	return text.Bytes(), nil
}

func (c cli) applyMetadata(ctx context.Context) error {
	zipped, err := zipProject(c.project)
	if err != nil {
		return err
	}
	if _, err = c.call(ctx, "/v1/metadata", "replace_metadata", zipped); err != nil {
		return err
	}
	// Inconsistent objects are a warning here, as with the CLI.
	return nil
}

// inconsistency ends with an error if there is any, but for the list.
func (c cli) inconsistency(ctx context.Context, list bool) error {
	text, err := c.call(ctx, "/v1/metadata", "get_inconsistent_metadata", struct{}{})
	if err != nil {
		return err
	}
	var state struct {
		Consistent bool     `json:"is_consistent"`
		Objects    []string `json:"inconsistent_objects"`
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return err
	}
	for _, object := range state.Objects {
		fmt.Fprintln(os.Stderr, object)
	}
	if !state.Consistent && !list {
		return errors.New("metadata is inconsistent, use 'hasura metadata ic list' command to see the inconsistent objects")
	}
	return nil
}

// cliState is the row in which the CLI remembers which migrations have run.
type cliState struct {
	Migrations map[string]map[string]bool `json:"migrations,omitempty"`
	Settings   map[string]string          `json:"settings,omitempty"`
	Copied     bool                       `json:"isStateCopyCompleted"`
}

var migrationName = regexp.MustCompile(`^([0-9]+)_`)

// migrate runs the migrations that have not run yet, in order. As with the CLI, there
// is a gap between a file and its record: after a killed run, a file may run twice.
func (c cli) migrate(ctx context.Context, source string) error {
	text, err := c.call(ctx, "/v1/metadata", "get_catalog_state", struct{}{})
	if err != nil {
		return err
	}
	var state cliState
	if err := json.Unmarshal(text, &state); err != nil {
		return err
	}
	state.Copied = true
	if state.Migrations == nil {
		state.Migrations = map[string]map[string]bool{}
	}
	if state.Migrations[source] == nil {
		state.Migrations[source] = map[string]bool{}
	}
	folder := path.Join("migrations", source)
	entries, err := fs.ReadDir(c.project, folder)
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, entry := range entries {
		match := migrationName.FindStringSubmatch(entry.Name())
		if match == nil {
			continue
		}
		if _, ran := state.Migrations[source][match[1]]; ran {
			continue
		}
		if err := c.runFile(ctx, source, path.Join(folder, entry.Name(), "up.sql")); err != nil {
			return err
		}
		state.Migrations[source][match[1]] = false
		if _, err := c.call(ctx, "/v1/metadata", "set_catalog_state", state); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "migration applied:", entry.Name())
	}
	return nil
}

func (c cli) runFile(ctx context.Context, source, file string) error {
	sql, err := fs.ReadFile(c.project, file)
	if err != nil || len(bytes.TrimSpace(sql)) == 0 {
		return err // the CLI passes over empty files
	}
	if _, err := c.call(ctx, "/v2/query", "run_sql", map[string]string{"source": source, "sql": string(sql)}); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
