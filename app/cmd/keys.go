package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"go.uber.org/zap"

	"hasura-login/app/audit"
	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/token"
)

type keysVerb struct {
	List   keysList   `cmd:"" help:"Every key: its state, its age, what happens next and when."`
	Rotate keysRotate `cmd:"" help:"Publish a new key that signs later; everything after follows from the clock."`
	Revoke keysRevoke `cmd:"" help:"Emergency: drop a key at once. Says what breaks, and asks."`
}

func folder(cfg config.Config) token.Folder {
	return token.Folder{Dir: cfg.KeysDir, TokenLife: cfg.AccessTTL}
}

type keysList struct {
	JSON bool `help:"For scripts."`
}

// Run lists the ring.
func (v keysList) Run(env Environment) error {
	cfg, err := load(env)
	if err != nil {
		return err
	}
	listing, err := folder(cfg).List()
	if err != nil {
		return err
	}
	return show(env.Stdout, v.JSON, listing)
}

type keysRotate struct {
	Alg          string        `help:"ES256, EdDSA or RS256; default: that of the newest key, or LOGIN_JWT_ALG for the first."`
	PublishAhead time.Duration `default:"300s" help:"How long the key is published before it signs. Hasura needs 60 s and the fetch, and 60 s more for each failed poll."`
	JSON         bool          `help:"For scripts."`
}

// Run writes a new key.
func (v keysRotate) Run(ctx context.Context, env Environment) error {
	cfg, err := load(env)
	if err != nil {
		return err
	}
	f := folder(cfg)
	options := token.RotateOptions{PublishAhead: v.PublishAhead}
	if name := v.algorithm(f, cfg); name != "" {
		if options.Algorithm, err = token.ParseAlgorithm(name); err != nil {
			return err
		}
	}
	rotation, err := f.Rotate(options)
	if err != nil {
		return err
	}
	operatorAudit(env).Record(ctx, login.Event{Name: login.EventKeyRotated, Reason: rotation.KID, Actor: login.ActorOperator})
	return show(env.Stdout, v.JSON, rotation)
}

// algorithm is the flag, or the setting for the first key of a ring.
func (v keysRotate) algorithm(f token.Folder, cfg config.Config) string {
	if v.Alg != "" {
		return v.Alg
	}
	if listing, err := f.List(); err != nil || len(listing.Keys) == 0 {
		return cfg.JWTAlg
	}
	return ""
}

type keysRevoke struct {
	KID  string `arg:"" name:"kid" help:"The key, as 'keys list' names it."`
	Yes  bool   `help:"Do not ask."`
	JSON bool   `help:"For scripts; needs --yes."`
}

// Run revokes a key after saying what that does.
func (v keysRevoke) Run(ctx context.Context, env Environment) error {
	cfg, err := load(env)
	if err != nil {
		return err
	}
	f := folder(cfg)
	plan, err := f.PlanRevoke(v.KID)
	if err != nil {
		return err
	}
	if !v.Yes {
		if v.JSON {
			return fmt.Errorf("--json needs --yes: there is nobody to ask")
		}
		fmt.Fprintln(env.Stdout, plan)
		if !confirmed(env, "Revoke it now?") {
			return fmt.Errorf("nothing was changed")
		}
	}
	done, err := f.Revoke(v.KID)
	if err != nil {
		return err
	}
	operatorAudit(env).Record(ctx, login.Event{Name: login.EventKeyRevoked, Reason: v.KID, Actor: login.ActorOperator})
	if err := show(env.Stdout, v.JSON, done); err != nil || v.JSON {
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

// confirmed asks a yes-or-no question; the answer is no where nobody gives one.
func confirmed(env Environment, question string) bool {
	fmt.Fprintf(env.Stdout, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(env.Stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// operatorAudit writes audit events of the verbs to stderr, beside what they
// print; in a container both reach the log.
func operatorAudit(env Environment) login.Auditor {
	return audit.New(newLogger(env.Stderr, zap.InfoLevel))
}
