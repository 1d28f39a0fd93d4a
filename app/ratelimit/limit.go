package ratelimit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ulule/limiter/v3"
)

// Limit is how much is allowed: one rate for each window, all of which must
// allow. A Limit without rates is off.
type Limit []limiter.Rate

// off is the word that switches a limit off, and its wider tiers with it.
const off = "off"

// maxRate bounds a rate, so that its multiples for wider tiers fit a counter.
const maxRate = 1_000_000

// ParseLimit reads a limit such as "30-M,300-H": thirty a minute and three
// hundred an hour. The periods are S, M, H and D, each at most once; "off"
// switches the limit off. Errors name the setting.
func ParseLimit(setting, value string) (Limit, error) {
	value = strings.TrimSpace(value)
	if strings.EqualFold(value, off) {
		return nil, nil
	}
	var limit Limit
	for part := range strings.SplitSeq(value, ",") {
		rate, err := parseRate(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", setting, part, err)
		}
		if slices.ContainsFunc(limit, func(r limiter.Rate) bool { return r.Period == rate.Period }) {
			return nil, fmt.Errorf("%s: %q: the period is there twice", setting, part)
		}
		limit = append(limit, rate)
	}
	return limit, nil
}

func parseRate(s string) (limiter.Rate, error) {
	rate, err := limiter.NewRateFromFormatted(s)
	if err != nil {
		return rate, errors.New(`want a number and a period, such as "30-M" (S, M, H or D), or "off"`)
	}
	if rate.Limit < 1 || rate.Limit > maxRate {
		return rate, fmt.Errorf("want a number from 1 to %d", maxRate)
	}
	return rate, nil
}

// Limits are the limits of every kind.
type Limits struct {
	SignInClient   Limit // attempts to prove a password, per client; successes are given back
	DeviceClient   Limit // attempts of known devices, per client; beyond it they are strangers
	SignInAccount  Limit // failures, per account; and per known device of an account
	SignUpClient   Limit // sign-ups, per client; failed ones count twice
	RefreshClient  Limit // refreshes, per client; failed ones count twice
	RefreshSession Limit // refreshes, per session
	ResetClient    Limit // requests and uses of mailed links, per client; failed uses count twice
	MailStrangers  Limit // sign-in mails to all unverified addresses together
	ResetAccount   Limit // requests of such links, per client and account, whether or not there is one; and mails of a kind to an address that is not its account's verified one
}

// DefaultLimits are those of an installation that sets none.
func DefaultLimits() Limits {
	return Limits{
		SignInClient:   Limit{perMinute(30), perHour(300)},
		DeviceClient:   Limit{perMinute(60), perHour(600)},
		SignInAccount:  Limit{perMinute(5), perHour(20)},
		SignUpClient:   Limit{perMinute(20), perHour(100)},
		RefreshClient:  Limit{perMinute(600)},
		RefreshSession: Limit{perMinute(30)},
		ResetClient:    Limit{perMinute(10), perHour(60)},
		ResetAccount:   Limit{perMinute(2), perHour(6)},
		MailStrangers:  Limit{perMinute(120), perHour(1200)},
	}
}

// codeLimit is for wrong codes of a second factor, per account and kind of code. Three
// of a million codes are right at any time: an attacker who knows the password has
// thirty guesses a day and needs about thirty years.
var codeLimit = Limit{perMinute(5), perHour(10), {Period: 24 * time.Hour, Limit: 30}}

// mailSignInLimit is for mails that sign in, per account for all clients together, and
// per known device.
var mailSignInLimit = Limit{perHour(10), {Period: 24 * time.Hour, Limit: 30}}

// inviteLimit is for invitations, per account for all clients together.
var inviteLimit = Limit{perHour(30), {Period: 24 * time.Hour, Limit: 100}}

func perMinute(n int64) limiter.Rate { return limiter.Rate{Period: time.Minute, Limit: n} }
func perHour(n int64) limiter.Rate   { return limiter.Rate{Period: time.Hour, Limit: n} }

// periods returns every period of the limits once.
func periods(limits ...Limit) []time.Duration {
	var all []time.Duration
	for _, l := range limits {
		for _, r := range l {
			if !slices.Contains(all, r.Period) {
				all = append(all, r.Period)
			}
		}
	}
	return all
}
