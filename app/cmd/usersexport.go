package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/transfer"
)

type usersExport struct {
	to         string
	recipients []string
}

func exportCommand(env Environment) *cobra.Command {
	var v usersExport
	c := verb("export FILE", "Write all users for another system, with password hashes, TOTP secrets and passkeys, but without recovery codes (docs/moving.md); - writes to stdout. Audited", func(ctx context.Context, args []string) error {
		return v.run(ctx, env, args[0])
	})
	c.Flags().StringVar(&v.to, "to", "ndjson", "the target system: "+strings.Join(transfer.Targets(), ", "))
	c.Flags().StringSliceVar(&v.recipients, "age", nil, "encrypt to this age recipient (age1…); can be given several times")
	return c
}

func (v usersExport) run(ctx context.Context, env Environment, path string) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	recipients, err := v.parse()
	if err != nil {
		return err
	}
	trail, err := verbTrail(cfg)
	if err != nil {
		return err
	}
	out, done, err := openOutput(env, path)
	if err != nil {
		return err
	}
	return withStore(ctx, env, func(ctx context.Context, cfg config.Config, store Store) error {
		// Recorded before the first user: even a part of the file holds hashes.
		err := trail.RecordAct(ctx, login.Event{Name: login.EventUsersExported, Actor: login.ActorOperator, Reason: v.to})
		if err != nil {
			return errors.Join(fmt.Errorf("nothing was written, since it could not be recorded: %w", err), done(false))
		}
		n, err := v.write(ctx, out, recipients, transfer.Export{Store: store, Secrets: oneTimePasswords(cfg)})
		if err = errors.Join(err, done(err == nil)); err != nil {
			return err
		}
		fmt.Fprintf(env.Stderr, "%s, %d of them without a password that %s takes\n", counted(n.Users, "user", "users"), n.NoPassword, v.to)
		return nil
	})
}

func (v usersExport) parse() ([]age.Recipient, error) {
	if len(v.recipients) == 0 {
		return nil, nil
	}
	recipients, err := age.ParseRecipients(strings.NewReader(strings.Join(v.recipients, "\n")))
	if err != nil {
		return nil, fmt.Errorf("--age: %w", err)
	}
	return recipients, nil
}

func (v usersExport) write(ctx context.Context, out io.Writer, recipients []age.Recipient, e transfer.Export) (transfer.Exported, error) {
	if len(recipients) == 0 {
		return e.Write(ctx, v.to, out)
	}
	sealed, err := age.Encrypt(out, recipients...)
	if err != nil {
		return transfer.Exported{}, err
	}
	n, err := e.Write(ctx, v.to, sealed)
	return n, errors.Join(err, sealed.Close())
}

// openOutput creates the file, which must not exist yet and only its owner can read;
// "-" means stdout. done closes it and removes an incomplete file.
func openOutput(env Environment, path string) (out io.Writer, done func(whole bool) error, err error) {
	if path == "-" {
		if f, ok := env.Stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return nil, nil, errors.New("stdout is a terminal; name a file, because the export is full of password hashes")
		}
		return env.Stdout, func(bool) error { return nil }, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // #nosec G304 -- the operator's own path
	if err != nil {
		return nil, nil, err
	}
	return f, func(whole bool) error {
		err := f.Close()
		if !whole || err != nil {
			return errors.Join(err, os.Remove(path))
		}
		return nil
	}, nil
}
