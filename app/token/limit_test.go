package token_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/token"
)

// Public reports (supabase/auth#1754, hasura/graphql-engine#5688): with many roles and
// claims, a token became too large for the headers of browsers, proxies and Hasura, and
// its owner could no longer do anything. Such claims are refused when they are set.
func TestCheckAccount_NoTokenOutgrowsWhatServersTake(t *testing.T) {
	grow := map[string]func(n int) login.Account{
		"one claim": func(n int) login.Account {
			return login.Account{Claims: map[string]string{"x-hasura-org-ids": "{" + strings.Repeat("a", n) + "}"}}
		},
		"one claim of quotes": func(n int) login.Account {
			return login.Account{Claims: map[string]string{"x-hasura-quotes": strings.Repeat(`"`, n)}}
		},
		"one claim as HTML": func(n int) login.Account {
			return login.Account{Claims: map[string]string{"x-hasura-html": strings.Repeat("<&>", n/3)}}
		},
		"many claims": func(n int) login.Account {
			claims := map[string]string{}
			for i := range n / 20 {
				claims[fmt.Sprintf("x-hasura-claim-%d", i)] = ""
			}
			return login.Account{Claims: claims}
		},
		"many roles": func(n int) login.Account {
			var roles []string
			for i := range n / 10 {
				roles = append(roles, fmt.Sprintf("role%06d", i))
			}
			return login.Account{Roles: append(roles, "user"), DefaultRole: "user"}
		},
	}
	for name, account := range grow {
		t.Run(name, func(t *testing.T) {
			fits := 0
			for n := 0; names.CheckAccount(account(n)) == nil; n += 10 {
				fits = n
			}
			if fits < 300 {
				t.Errorf("no more than %d characters are left", fits)
			}
			err := names.CheckAccount(account(fits + 30))
			var refused *login.Error
			if !errors.As(err, &refused) || refused.Code != login.CodeInvalidInput || !strings.Contains(refused.Message, "4096") {
				t.Errorf("30 characters more: %v", err)
			}
			for _, algorithm := range token.Algorithms() {
				f := newFolder(t, newClock())
				first(t, f, algorithm)
				s := newService(t, f, token.Hooks{})
				for _, owner := range []string{strings.Repeat("😀", login.MaxNameRunes), strings.Repeat(`"`, login.MaxNameRunes), strings.Repeat("<", login.MaxNameRunes)} {
					subject := alice()
					subject.User.Name, subject.Account = owner, account(fits)
					subject.AMR, subject.AuthTime, subject.Elevated = []string{"pwd", "otp", "mfa"}, start, true
					raw, _, err := s.issuer.Issue(subject, start)
					if err != nil {
						t.Fatal(err)
					}
					largestKey := 0
					if algorithm == token.RS256 {
						largestKey = (4096 - 2048) / 6 // bits more in a signature, in base64
					}
					if size := len(raw) + largestKey; size > token.MaxSize {
						t.Errorf("%s signs a token of %d bytes", algorithm, size)
					}
				}
			}
		})
	}
}

// Public report: a claim with a reserved name, or that is not a string, was silently
// dropped from the token. A claim that is accepted appears in the token unchanged.
func TestCheckAccount_ClaimsComeOutAsTheyWentIn(t *testing.T) {
	s := newIssuing(t)
	for name, taken := range map[string]bool{
		"x-hasura-org-id": true, "x-hasura-a_b-9": true, "x-hasura-" + strings.Repeat("a", 110): true,
		"x-hasura-" + strings.Repeat("a", 111): false, "X-Hasura-Org": false, "org": false, "": false, "x-hasura-": false, "x-hasura-ſ": false, "x-hasura-a b": false,
		"x-hasura-user-id": false, "x-hasura-default-role": false, "x-hasura-allowed-roles": false, "x-hasura-session-id": false, "x-hasura-role": false,
		"x-hasura-email-verified": false, "x-hasura-auth-elevated": false, "x-hasura-admin-secret": false, "x-hasura-administrator": false, "x-hasura-my-secret": false,
		"x-hasura-access-key": false, "x-hasura-use-backend-only-permissions": false,
	} {
		account := login.Account{Claims: map[string]string{name: "7"}}
		err := names.CheckAccount(account)
		if (err == nil) != taken {
			t.Errorf("%q: %v", name, err)
		}
		if got := issued(t, s, account)[name]; taken && got != "7" {
			t.Errorf("%q comes out as %v", name, got)
		}
	}
	for _, value := range []string{"a\x00b", "\xff"} {
		if names.CheckAccount(login.Account{Claims: map[string]string{"x-hasura-org": value}}) == nil {
			t.Errorf("%q was taken", value)
		}
	}
}
