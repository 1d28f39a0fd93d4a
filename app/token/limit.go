package token

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hasura-login/app/login"
)

// MaxSize is the most bytes that an access token may have. Browsers, proxies and
// Hasura take 8 kB of headers; half of it is for others, such as cookies.
const MaxSize = 4096

var _ login.TokenRules = Names{}

// CheckAccount implements login.TokenRules.
func (n Names) CheckAccount(a login.Account) error {
	if err := n.CheckClaims(a.Claims); err != nil {
		return err
	}
	size, err := n.largest(a)
	if err != nil {
		return err
	}
	if size > MaxSize {
		return refuse("roles and claims make an access token of up to %d bytes, and browsers and servers take %d; shorten them by %d characters, or keep in a table what rows depend on",
			size, MaxSize, (size-MaxSize)*3/4+1)
	}
	return nil
}

// CheckClaims implements login.TokenRules.
func (n Names) CheckClaims(claims map[string]string) error {
	for name, value := range claims {
		switch {
		case !claimName.MatchString(name):
			return refuse("claims: %q is not a name such as x-hasura-org-id: x-hasura-, then small letters, digits, - and _", name)
		case reserved(name), n.Organizations && name == claimOrganizations:
			return refuse("claims: %s is set by the service, or has its own meaning in Hasura", name)
		case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
			return refuse("claims: the value of %s must be UTF-8 without NUL", name)
		}
	}
	return nil
}

func refuse(problem string, args ...any) error {
	return login.Errorf(login.CodeInvalidInput, problem, args...)
}

// largest is the size of the largest token that an account may get: under the
// longest name that its owner can choose, and signed with the largest of keys.
func (n Names) largest(a login.Account) (int, error) {
	const uuid = "00000000-0000-4000-8000-000000000000"
	header, err := encodeHeader(RS256, strings.Repeat("0", kidLength))
	if err != nil {
		return 0, err
	}
	far := time.Date(2286, 11, 20, 0, 0, 0, 0, time.UTC) // the last with ten digits
	if n.Organizations {
		ids := slices.Repeat([]string{uuid}, login.MaxOrganizations)
		a.Claims = maps.Clone(a.Claims)
		if a.Claims == nil {
			a.Claims = map[string]string{}
		}
		a.Claims[claimOrganizations] = "{" + strings.Join(ids, ",") + "}"
	}
	body, err := encodeBody(payload{
		Issuer: n.Issuer, Audience: n.Audience, Subject: uuid, ID: uuid,
		Name:     strings.Repeat("\U00010000", login.MaxNameRunes),
		IssuedAt: far.Unix(), ExpiresAt: far.Unix(), AuthTime: far.Unix(),
		AMR:    slices.Repeat([]string{"four"}, 8), // more ways to prove who one is than there are
		Hasura: hasuraClaims(login.Subject{User: login.User{ID: uuid}, Account: a, SessionID: uuid, Elevated: true}),
	})
	if err != nil {
		return 0, err
	}
	encoding := base64.RawURLEncoding
	return len(header) + encoding.EncodedLen(len(body)) + 1 + encoding.EncodedLen(rsaMaxBits/8), nil
}
