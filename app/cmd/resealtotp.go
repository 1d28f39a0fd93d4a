package cmd

import (
	"context"
	"errors"
	"fmt"

	"hasura-login/app/config"
	"hasura-login/app/login"
)

// resealBatch is how many secrets are read at once.
const resealBatch = 500

// resealTOTP encrypts every stored secret with the first key, so that the others
// can go. A secret that no key opens is counted and left as it is; its owner needs
// users reset-second-factor.
func resealTOTP(ctx context.Context, env Environment) error {
	return withStore(ctx, env, func(ctx context.Context, cfg config.Config, store Store) error {
		secrets := oneTimePasswords(cfg)
		renewed, lost, after := 0, 0, ""
		for {
			page, err := store.ListTOTP(ctx, after, resealBatch)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			for _, t := range page {
				after = t.UserID
				sealed, changed, err := secrets.Reseal(t.UserID, t.Secret)
				if err != nil {
					fmt.Fprintf(env.Stderr, "user %s: %v\n", t.UserID, err)
					lost++
					continue
				}
				if !changed {
					continue
				}
				// Stale: removed since, or added again with the first key.
				if err := store.ReplaceTOTPSecret(ctx, t.UserID, t.Secret, sealed); err != nil && !errors.Is(err, login.ErrStale) {
					return err
				}
				renewed++
			}
		}
		fmt.Fprintf(env.Stdout, "%s encrypted with the first key\n", counted(renewed, "secret", "secrets"))
		if lost > 0 {
			return fmt.Errorf("no key opens %s; the owners need: hasura-login users reset-second-factor", counted(lost, "secret", "secrets"))
		}
		return nil
	})
}
