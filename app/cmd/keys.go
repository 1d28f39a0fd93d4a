package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/token"
)

// KeysCommand holds the verbs of the key ring.
func KeysCommand(env Environment) *cobra.Command {
	var asJSON, yes bool
	var rotate keysRotate
	list := verb("list", "Every key: its state, its age, what happens next and when", func(ctx context.Context, _ []string) error {
		return listKeys(ctx, env, asJSON)
	})
	rotation := verb("rotate", "Publish a new key that starts to sign later, without another command", func(ctx context.Context, _ []string) error {
		return rotate.run(ctx, env, asJSON)
	})
	rotation.Flags().StringVar(&rotate.alg, "alg", "", "ES256, EdDSA or RS256; default: the algorithm of the newest key, or LOGIN_JWT_ALG for the first key")
	rotation.Flags().DurationVar(&rotate.publishAhead, "publish-ahead", token.DefaultPublishAhead,
		"how long the key is published before it signs; Hasura needs 60 s plus the time of the fetch, and 60 s more for each failed fetch")
	rotation.Flags().BoolVar(&rotate.ifNone, "if-none", false, "do nothing if there is a key already")
	revoke := verb("revoke KID", "Emergency: drop a key at once; says what breaks, and asks", func(ctx context.Context, args []string) error {
		return revokeKey(ctx, env, args[0], yes, asJSON)
	})
	revoke.Flags().BoolVar(&yes, "yes", false, "do not ask")
	for _, c := range []*cobra.Command{list, rotation, revoke} {
		c.Flags().BoolVar(&asJSON, "json", false, "for scripts")
	}
	imports := verb("import FOLDER", "Copy the keys of a folder into the ring, so that tokens signed there stay good", func(ctx context.Context, args []string) error {
		return importKeys(ctx, env, args[0])
	})
	reseal := verb("reseal", "Encrypt the ring in the database with the first value of LOGIN_KEYS_SECRET", func(ctx context.Context, _ []string) error {
		return resealKeys(ctx, env)
	})
	return group("keys", "The ring of signing keys: in LOGIN_KEYS_DIR, or in the database if LOGIN_KEYS_SECRET is set", list, rotation, revoke, imports, reseal)
}

// keys is the ring that the settings name. table is nil for a store that keeps none.
func keys(cfg config.Config, table token.Table) (token.Keys, error) {
	k := token.Keys{Shelf: token.Folder(cfg.KeysDir), TokenLife: cfg.AccessTTL}
	if !cfg.KeysSecret.IsSet() {
		return k, nil
	}
	if table == nil {
		return k, errors.New("LOGIN_KEYS_SECRET: only Postgres can keep the ring of signing keys; unset it")
	}
	k.Shelf = token.NewSealed(table, cfg.KeysSecret.Values)
	return k, nil
}

// withKeys calls use with the ring, and connects to the database only if that keeps it.
func withKeys(ctx context.Context, env Environment, use func(cfg config.Config, k token.Keys) error) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	if cfg.KeysSecret.IsSet() {
		return withBackend(ctx, env, func(_ context.Context, cfg config.Config, b Backend) error {
			k, err := keys(cfg, b.Keys)
			if err != nil {
				return err
			}
			return use(cfg, k)
		})
	}
	k, err := keys(cfg, nil)
	if err != nil {
		return err
	}
	return use(cfg, k)
}

func listKeys(ctx context.Context, env Environment, asJSON bool) error {
	return withKeys(ctx, env, func(_ config.Config, k token.Keys) error {
		listing, err := k.List()
		if err != nil {
			return err
		}
		return show(env.Stdout, asJSON, listing)
	})
}

func importKeys(ctx context.Context, env Environment, from string) error {
	return withKeys(ctx, env, func(_ config.Config, k token.Keys) error {
		n, err := k.Import(token.Folder(from))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.Stdout, "%d keys copied\n", n)
		return err
	})
}

func resealKeys(ctx context.Context, env Environment) error {
	return withKeys(ctx, env, func(_ config.Config, k token.Keys) error {
		sealed, ok := k.Shelf.(token.Sealed)
		if !ok {
			return errors.New("the ring is in a folder, where nothing is encrypted: LOGIN_KEYS_SECRET is not set")
		}
		n, err := sealed.Reseal()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.Stdout, "%d keys encrypted with the first value\n", n)
		return err
	})
}

type keysRotate struct {
	ifNone       bool
	alg          string
	publishAhead time.Duration
}

// run writes a new key.
func (v keysRotate) run(ctx context.Context, env Environment, asJSON bool) error {
	return withKeys(ctx, env, func(cfg config.Config, k token.Keys) error {
		listing, err := k.List()
		empty := err != nil || len(listing.Keys) == 0
		if v.ifNone && !empty {
			return nil
		}
		options := token.RotateOptions{PublishAhead: v.publishAhead}
		if empty && v.alg == "" {
			v.alg = cfg.JWTAlg // only of the first key
		}
		if v.alg != "" {
			if options.Algorithm, err = token.ParseAlgorithm(v.alg); err != nil {
				return err
			}
		}
		trail, err := verbTrail(cfg)
		if err != nil {
			return err
		}
		rotation, err := k.Rotate(options)
		if err != nil {
			return err
		}
		err = trail.RecordAct(ctx, login.Event{Name: login.EventKeyRotated, Reason: rotation.KID, Actor: login.ActorOperator})
		return errors.Join(err, show(env.Stdout, asJSON, rotation))
	})
}

// revokeKey revokes a key after saying what that does.
func revokeKey(ctx context.Context, env Environment, kid string, yes, asJSON bool) error {
	return withKeys(ctx, env, func(cfg config.Config, k token.Keys) error {
		plan, err := k.PlanRevoke(kid)
		if err != nil {
			return err
		}
		if !yes {
			if asJSON {
				return fmt.Errorf("--json needs --yes, because it asks nothing")
			}
			fmt.Fprintln(env.Stdout, plan)
			if !confirmed(env, "Revoke it now?") {
				return fmt.Errorf("nothing was changed")
			}
		}
		trail, err := verbTrail(cfg)
		if err != nil {
			return err
		}
		done, err := k.Revoke(kid)
		if err != nil {
			return err
		}
		if err := trail.RecordAct(ctx, login.Event{Name: login.EventKeyRevoked, Reason: kid, Actor: login.ActorOperator}); err != nil {
			return err
		}
		if err := show(env.Stdout, asJSON, done); err != nil || asJSON {
			return err
		}
		fmt.Fprintln(env.Stdout, "\nHasura keeps the old key until its next good poll. To end that now, replace it:\n  scripts/lib/replace-service hasura")
		return nil
	})
}

func show(w io.Writer, asJSON bool, v fmt.Stringer) error {
	if !asJSON {
		_, err := fmt.Fprintln(w, v)
		return err
	}
	return showJSON(w, v)
}

func showJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// confirmed asks a yes-or-no question; no answer means no.
func confirmed(env Environment, question string) bool {
	fmt.Fprintf(env.Stdout, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(env.Stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}
