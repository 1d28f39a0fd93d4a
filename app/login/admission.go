package login

import (
	"slices"
	"strings"
)

// SignUpMode says who may make an account.
type SignUpMode string

// The modes. Operators can add users in each of them.
const (
	SignUpOpen    SignUpMode = "open"
	SignUpInvited SignUpMode = "invited" // only a person with an invitation
	SignUpClosed  SignUpMode = "closed"  // only a person with an invitation of an operator
)

// SignUpModes returns every mode.
func SignUpModes() []SignUpMode { return []SignUpMode{SignUpOpen, SignUpInvited, SignUpClosed} }

// Inviter says who has invited a person.
type Inviter uint8

// The inviters. If there are several, the last of this list counts.
const (
	InviterNone Inviter = iota
	InviterMember
	InviterOperator
)

// EmailDomains says at which domains an address may be. Each domain is in the form of
// NormalizeDomain and stands for its subdomains too. A blocked domain wins.
type EmailDomains struct {
	Allowed []string // none: every domain
	Blocked []string
}

// allow reports whether an account may have the address, which is in its normal form.
func (d EmailDomains) allow(email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return !listed(d.Blocked, domain) && (len(d.Allowed) == 0 || listed(d.Allowed, domain))
}

// listed reports whether a list has the domain or one above it.
func listed(list []string, domain string) bool {
	if len(list) == 0 {
		return false
	}
	for rest := domain; rest != ""; {
		if slices.Contains(list, rest) {
			return true
		}
		_, rest, _ = strings.Cut(rest, ".")
	}
	return false
}

// NormalizeDomain returns the form in which the domains of addresses are compared: lower
// case and A-labels. A single label, such as edu, stands for all names below it.
func NormalizeDomain(raw string) (string, error) {
	const below = "a." // a domain of an address has a dot
	domain, err := normalizeDomain(below + strings.TrimSpace(raw))
	return strings.TrimPrefix(domain, below), err
}

// maySignUp is the one rule for new accounts, whichever way they are made: by password,
// by a mailed code, at a provider or by an invitation. The address is in its normal form.
// A caller who needs to know whether the rules have changed in the meantime asks again
// just before the account is made.
func (s *Service) maySignUp(email string, by Inviter) error {
	switch {
	case s.rules.SignUp == SignUpOpen, s.rules.SignUp == SignUpInvited && by != InviterNone, by == InviterOperator:
		return s.mayHave(email)
	case s.rules.SignUp == SignUpInvited:
		return Errorf(CodeInvitationRequired, "Sign-up takes an invitation")
	}
	return Errorf(CodeSignupDisabled, "Sign-up is closed")
}

// mayHave is the one rule for the address of an account, new or changed. Accounts that
// have their address already keep it, and can sign in.
func (s *Service) mayHave(email string) error { return s.rules.mayHave(email) }

func (r Rules) mayHave(email string) error {
	if !r.EmailDomains.allow(email) {
		return Errorf(CodeEmailNotAllowed, "Accounts cannot have an e-mail address at this domain here")
	}
	return nil
}
