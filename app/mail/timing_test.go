package mail_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/ratelimit"
	"hasura-login/app/store/postgres"
	"hasura-login/app/testserver"
)

// Five hundred requests each, in turn, so that whatever else the machine does
// slows both alike.
func TestRequestedMail_TakesAsLongWithoutAnAccount(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	store, err := postgres.Open(t.Context(), func() (string, error) { return pg.URLFor("hasura_login_a", "app"), nil })
	check(t, err)
	defer func() { _ = store.Close() }()
	seen := &recorder{}
	limiter, err := ratelimit.New(ratelimit.Config{Observer: seen, Now: time.Now})
	check(t, err)
	defer limiter.Close()
	service := login.NewService(login.Deps{Store: store, Mail: store, MailSecret: secret, Limiter: limiter, Audit: seen}, login.Rules{MailEnabled: true})
	now := time.Now().UTC()
	check(t, store.CreateUser(t.Context(), login.UserAccount{
		User:    login.User{ID: "6f0e1a52-5a0c-4b52-9d7c-000000000001", Email: "ann@example.org", Name: "Ann", CreatedAt: now, UpdatedAt: now},
		Account: login.Account{Password: "hash", Roles: []string{"user"}, DefaultRole: "user", SessionVersion: 1},
	}, nil))
	for name, ask := range map[string]func(email string) error{
		"reset": func(email string) error {
			return service.RequestPasswordReset(context.Background(), login.RequestPasswordResetInput{Email: email, Client: home})
		},
		"verification": func(email string) error {
			return service.RequestEmailVerification(context.Background(), login.RequestEmailVerificationInput{Email: email, Client: home})
		},
	} {
		known, unknown := medians(t, ask, "ann@example.org", "bob@example.org")
		t.Logf("%s, medians: %s with an account, %s without", name, known, unknown)
		if d := (known - unknown).Abs(); d > time.Millisecond {
			t.Errorf("%s: the medians are %s apart", name, d)
		}
	}
}

func medians(t *testing.T, ask func(email string) error, known, unknown string) (time.Duration, time.Duration) {
	t.Helper()
	const rounds = 500
	times := make([][]time.Duration, 2)
	for range rounds {
		for i, email := range []string{known, unknown} {
			start := time.Now()
			check(t, ask(email))
			times[i] = append(times[i], time.Since(start))
		}
	}
	for _, list := range times {
		slices.Sort(list)
	}
	return times[0][rounds/2], times[1][rounds/2]
}
