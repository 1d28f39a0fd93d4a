package config

import (
	"fmt"
	"slices"
	"strings"

	"hasura-login/app/login"
)

// replaced are settings of earlier releases. They are errors, because login would
// otherwise do something else than the operator has set.
var replaced = map[string]string{
	Prefix + "SIGNUP_ENABLED": "replaced by " + Prefix + "SIGNUP: write " + Prefix + "SIGNUP=closed for false, remove it for true",
}

// EmailDomains are the domains at which the addresses of accounts may be, each in its
// normal form.
func (c Config) EmailDomains() login.EmailDomains {
	return login.EmailDomains{Allowed: domains(c.AllowedEmailDomains), Blocked: domains(c.BlockedEmailDomains)}
}

// domains normalizes a list; check has reported entries that are not domains.
func domains(list []string) []string {
	var normal []string
	for _, name := range list {
		if domain, err := login.NormalizeDomain(name); err == nil {
			normal = append(normal, domain)
		}
	}
	return normal
}

func (c Config) checkSignUp(p *problems) {
	modes := login.SignUpModes()
	p.addIf(!slices.Contains(modes, login.SignUpMode(c.SignUp)), "SIGNUP", "%q is not one of %s, %s, %s", c.SignUp, modes[0], modes[1], modes[2])
	for _, setting := range []struct {
		name string
		list []string
	}{
		{"ALLOWED_EMAIL_DOMAINS", c.AllowedEmailDomains},
		{"BLOCKED_EMAIL_DOMAINS", c.BlockedEmailDomains},
	} {
		for _, name := range setting.list {
			fault := faultOfDomain(name)
			p.addIf(fault != "", setting.name, "%q is not a domain: %s", name, fault)
		}
	}
}

// faultOfDomain returns what is wrong with a domain of a list, or "".
func faultOfDomain(name string) string {
	name = strings.TrimSpace(name)
	for _, prefix := range []string{"*.", ".", "@"} {
		if rest, found := strings.CutPrefix(name, prefix); found {
			return fmt.Sprintf("write %s, which includes its subdomains", rest)
		}
	}
	if strings.Contains(name, "@") {
		return "it is a whole address; write only what stands after the @"
	}
	if _, err := login.NormalizeDomain(name); err != nil {
		return login.AsError(err).Problem
	}
	return ""
}
