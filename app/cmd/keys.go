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

// KeysCommand holds the verbs of the key ring in LOGIN_KEYS_DIR.
func KeysCommand(env Environment) *cobra.Command {
	var asJSON, yes bool
	var rotate keysRotate
	list := verb("list", "Every key: its state, its age, what happens next and when", func(context.Context, []string) error {
		return listKeys(env, asJSON)
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
	return group("keys", "The ring of signing keys in LOGIN_KEYS_DIR", list, rotation, revoke)
}

func folder(cfg config.Config) token.Folder {
	return token.Folder{Dir: cfg.KeysDir, TokenLife: cfg.AccessTTL}
}

func listKeys(env Environment, asJSON bool) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	listing, err := folder(cfg).List()
	if err != nil {
		return err
	}
	return show(env.Stdout, asJSON, listing)
}

type keysRotate struct {
	ifNone       bool
	alg          string
	publishAhead time.Duration
}

// run writes a new key.
func (v keysRotate) run(ctx context.Context, env Environment, asJSON bool) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	f := folder(cfg)
	if listing, err := f.List(); v.ifNone && err == nil && len(listing.Keys) > 0 {
		return nil
	}
	options := token.RotateOptions{PublishAhead: v.publishAhead}
	if name := v.algorithm(f, cfg); name != "" {
		if options.Algorithm, err = token.ParseAlgorithm(name); err != nil {
			return err
		}
	}
	trail, err := verbTrail(cfg)
	if err != nil {
		return err
	}
	rotation, err := f.Rotate(options)
	if err != nil {
		return err
	}
	err = trail.RecordAct(ctx, login.Event{Name: login.EventKeyRotated, Reason: rotation.KID, Actor: login.ActorOperator})
	return errors.Join(err, show(env.Stdout, asJSON, rotation))
}

// algorithm is the flag, or the setting for the first key of a ring.
func (v keysRotate) algorithm(f token.Folder, cfg config.Config) string {
	if v.alg != "" {
		return v.alg
	}
	if listing, err := f.List(); err != nil || len(listing.Keys) == 0 {
		return cfg.JWTAlg
	}
	return ""
}

// revokeKey revokes a key after saying what that does.
func revokeKey(ctx context.Context, env Environment, kid string, yes, asJSON bool) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	f := folder(cfg)
	plan, err := f.PlanRevoke(kid)
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
	done, err := f.Revoke(kid)
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
