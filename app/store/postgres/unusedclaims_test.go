package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/testserver"
)

// An installation that has neither a function of its own nor organisations sends Postgres
// the statements of a service without these features, and not one more. Each feature costs
// what it asks: the function's call with its time limit, and one look-up of organisations.
func (f *fixture) unusedClaims(t *testing.T) {
	database := f.newDatabase(t)
	f.Exec(t, "postgres", "ALTER DATABASE "+database+" SET log_statement = 'all'")
	store := f.open(t, database)
	function := login.FunctionClaims{Function: store, Rules: logintest.Names}
	ann := login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: logintest.Password}

	// statements of a sign-in, a refresh and a request with the session's cookie.
	statements := func(sources ...login.ClaimSource) [3]int {
		s := logintest.StartOn(t, store, func(d *login.Deps, _ *login.Rules) { d.Claims = sources })
		var device string
		signIn := func(c login.Client) login.Grant {
			g, err := s.SignIn(t.Context(), login.SignInInput{Email: ann.Email, Password: ann.Password, DeviceToken: device, Client: c})
			logintest.Check(t, err)
			return g
		}
		counted := func(call func()) int {
			before := f.logged(t, database)
			call()
			s.Wait()
			return f.logged(t, database) - before - 1
		}
		device = signIn(login.Client{}).DeviceToken // it is new, and its owner hears of it
		g, cookie := signIn(login.Client{}), signIn(login.Client{KeepsCookie: true}).RefreshToken
		return [3]int{
			counted(func() { signIn(login.Client{}) }),
			counted(func() {
				var err error
				g, err = s.Refresh(t.Context(), login.RefreshInput{RefreshToken: g.RefreshToken})
				logintest.Check(t, err)
			}),
			counted(func() {
				_, err := s.Gateway(t.Context(), login.GatewayInput{Cookie: cookie})
				logintest.Check(t, err)
			}),
		}
	}
	_, err := logintest.StartOn(t, store).SignUp(t.Context(), ann)
	logintest.Check(t, err)
	without := statements()
	plus := func(n int) [3]int { return [3]int{without[0] + n, without[1] + n, without[2] + n} }
	for _, c := range []struct {
		name string
		got  [3]int
		want [3]int
	}{
		{"the default function", statements(function), without},
		{"organizations", statements(function, login.OrganizationClaims{Store: store}), plus(1)},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: statements of a sign-in, a refresh, a request with the cookie (-want +got):\n%s", c.name, diff)
		}
	}
	f.engine(t, database, replaceClaims+`sql AS $$ SELECT '{"x-hasura-a": "1"}'::jsonb $$`)
	if diff := cmp.Diff(plus(2), statements(function)); diff != "" {
		t.Errorf("a function of the project's: %s", diff)
	}
}

// logged is how many statements the server has logged. The last one is its own, and tells
// that those before are in the log.
func (f *fixture) logged(t *testing.T, database string) int {
	mark := "mark " + uuid.NewString()
	f.Exec(t, database, "SELECT '"+mark+"'")
	testserver.Eventually(t, "the statement is logged", func() bool { return strings.Contains(f.Output(), mark) })
	return strings.Count(f.Output(), "LOG:  execute ") + strings.Count(f.Output(), "LOG:  statement: ")
}
