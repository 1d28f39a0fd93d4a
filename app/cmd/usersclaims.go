package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/token"
)

func tokenNames(cfg config.Config) token.Names {
	return token.Names{Issuer: cfg.Issuer, Audience: cfg.Audience, Organizations: cfg.Organizations}
}

func setClaimsCommand(env Environment) *cobra.Command {
	var remove []string
	c := verb("set-claims USER...", "Add or replace custom claims of one user: set-claims USER NAME=VALUE..., such as x-hasura-org-id=7. Sessions live on", func(ctx context.Context, args []string) error {
		return setClaims(ctx, env, args[0], args[1:], remove)
	})
	c.Flags().StringSliceVar(&remove, "remove", nil, "names of claims to remove, comma-separated")
	return c
}

func setClaims(ctx context.Context, env Environment, ref string, pairs, remove []string) error {
	if len(pairs) == 0 && len(remove) == 0 {
		return errors.New("nothing to do: give NAME=VALUE, or --remove NAME")
	}
	set := map[string]string{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		name = strings.ToLower(name)
		if _, twice := set[name]; !ok || twice {
			return fmt.Errorf("%q: each claim is NAME=VALUE, once", pair)
		}
		set[name] = value
	}
	return changing(ctx, env, func(ctx context.Context, o *login.Operator) error {
		claims, err := o.SetClaims(ctx, ref, set, remove)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(claims)) {
			fmt.Fprintf(env.Stdout, "%s=%s\n", name, claims[name])
		}
		_, err = fmt.Fprintln(env.Stderr, "claims changed; tokens already out keep the old ones until they are refreshed")
		return err
	})
}
