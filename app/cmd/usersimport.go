package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/password"
	"hasura-login/app/transfer"
	"hasura-login/app/webauthn"
)

type usersImport struct {
	from, report, ids, firebase, passkeyDomain string
	dryRun                                     bool
}

func importCommand(env Environment) *cobra.Command {
	var v usersImport
	c := verb("import FILE", "Add the users of another system, with their passwords (docs/moving.md); - reads stdin. Run again, it adds what is missing", func(ctx context.Context, args []string) error {
		return v.run(ctx, env, args[0])
	})
	c.Flags().StringVar(&v.from, "from", "", "the format (required): "+strings.Join(transfer.Formats(), ", "))
	c.Flags().BoolVar(&v.dryRun, "dry-run", false, "check and count everything, add nothing")
	c.Flags().StringVar(&v.report, "report", "", "report of rejected and incomplete records by line; - means stderr; default: FILE.report.ndjson")
	c.Flags().StringVar(&v.ids, "ids", "", "write the id of each user in the other system and here to this file")
	c.Flags().StringVar(&v.firebase, "firebase-parameters", "", "file with the password hash parameters of Firebase's console")
	c.Flags().StringVar(&v.passkeyDomain, "passkey-domain", "", "bring passkeys along: confirms that they were registered for this domain (RP id), which must be the one here")
	return c
}

func (v usersImport) run(ctx context.Context, env Environment, path string) error {
	if v.from == "" {
		return fmt.Errorf("%w: --from is missing: one of %s", errUsage, strings.Join(transfer.Formats(), ", "))
	}
	CollectEarlier()
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	checkPasskey, err := v.checkPasskey(cfg)
	if err != nil {
		return err
	}
	in, size, err := openInput(env, path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	read := &countedReader{in: in}
	reader, err := v.reader(read)
	if err != nil {
		return err
	}
	trail, err := verbTrail(cfg)
	if err != nil {
		return err
	}
	record := func(reason string) error {
		return trail.RecordAct(ctx, login.Event{Name: login.EventUsersImported, Actor: login.ActorOperator, Reason: reason})
	}
	written, err := v.openFiles(env, path)
	if err != nil {
		return err
	}
	defer written.close()
	return withStore(ctx, env, func(ctx context.Context, cfg config.Config, store Store) error {
		if !v.dryRun {
			// Before the first user, so that an import that is killed is on record too.
			if err := record(v.from); err != nil {
				return fmt.Errorf("nothing was changed, since it could not be recorded: %w", err)
			}
		}
		if err := errors.Join(written.report.begin(), written.ids.begin()); err != nil {
			return err
		}
		shown := newProgress(env.Stderr, read, size)
		run := transfer.Import{
			Importer: &login.Importer{
				Store: store, CheckHash: password.CheckStored, CheckPasskey: checkPasskey, TOTP: oneTimePasswords(cfg), Tokens: tokenNames(cfg), Roles: cfg.DefaultRoles, Now: time.Now,
			},
			DryRun: v.dryRun, Progress: shown.show,
			Report: func(f transfer.Finding) error { return written.report.write(f) },
		}
		if v.ids != "" {
			run.IDs = func(there, here string) error {
				return written.ids.write(map[string]string{"there": there, "here": here})
			}
		}
		counts, err := run.Run(ctx, reader)
		shown.end()
		err = errors.Join(err, written.report.flush(), written.ids.flush())
		if !v.dryRun {
			err = errors.Join(err, record(fmt.Sprintf("%s: %d added", v.from, counts.Added)))
		}
		return v.conclude(env, counts, written.report.path, err)
	})
}

// importFiles are the files that an import writes.
type importFiles struct{ report, ids *linesFile }

func (v usersImport) openFiles(env Environment, path string) (importFiles, error) {
	report, err := newLines(env, v.reportPath(path))
	if err != nil {
		return importFiles{}, err
	}
	ids, err := newLines(env, v.ids)
	if err != nil {
		report.close()
		return importFiles{}, err
	}
	return importFiles{report, ids}, nil
}

func (f importFiles) close() {
	f.report.close()
	f.ids.close()
}

// checkPasskey is nil unless passkeys come along. Browsers use a passkey only for the
// domain that it was registered for.
func (v usersImport) checkPasskey(cfg config.Config) (func(*login.Passkey) error, error) {
	if v.passkeyDomain == "" {
		return nil, nil
	}
	if domain, _ := cfg.Passkeys(); domain != v.passkeyDomain {
		return nil, fmt.Errorf("--passkey-domain: passkeys here are for %q, not for %q, and would not work; set %sPASSKEY_DOMAIN, or import without them", domain, v.passkeyDomain, config.Prefix)
	}
	return webauthn.CheckStored, nil
}

func (v usersImport) reader(in io.Reader) (transfer.Reader, error) {
	var o transfer.Options
	if v.firebase != "" {
		text, err := os.ReadFile(v.firebase)
		if err != nil {
			return nil, err
		}
		o.FirebaseParameters = string(text)
	}
	return transfer.Open(v.from, in, o)
}

func (v usersImport) reportPath(path string) string {
	switch {
	case v.report != "":
		return v.report
	case path == "-":
		return "import.report.ndjson"
	}
	return path + ".report.ndjson"
}

// conclude prints a summary. It fails if any record was rejected.
func (v usersImport) conclude(env Environment, n transfer.Counts, report string, err error) error {
	added := "added"
	if v.dryRun {
		added = "would be added"
	}
	fmt.Fprintf(env.Stdout, "%s: %d %s, %d were there before, %d rejected\n", counted(n.Read, "record", "records"), n.Added, added, n.There, n.Rejected)
	if n.NoPassword > 0 {
		fmt.Fprintf(env.Stdout, "%d of those added must set a new password; hasura-login users invite-reset mails them a link\n", n.NoPassword)
	}
	switch {
	case err != nil:
		return fmt.Errorf("the import is not finished; run it again to add what is missing: %w", err)
	case n.Rejected > 0:
		return fmt.Errorf("%s rejected: %s says which, and why", counted(n.Rejected, "record was", "records were"), report)
	}
	return nil
}

// openInput opens the file, or stdin for "-", and tells its size; -1: not known.
func openInput(env Environment, path string) (io.ReadCloser, int64, error) {
	if path == "-" {
		return io.NopCloser(env.Stdin), -1, nil
	}
	f, err := os.Open(path) // #nosec G304 -- the operator's own path
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder", path)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}
