package pages

import (
	"cmp"
	"slices"

	"hasura-login/app/useragent"
)

// device names a session's client for its owner: browser and system if both are known,
// otherwise the client's own name.
func (t *texts) device(userAgent string) string {
	if browser, system, ok := useragent.Names(userAgent); ok {
		return t.Text("language.browser", "browser", browser, "system", system)
	}
	return cmp.Or(userAgent, t.UnknownDevice)
}

// opened says how a session was opened, from its authentication methods (RFC 8176). For
// methods that are not in the list, such as an operator's session, it returns nothing.
func (t *texts) opened(amr []string) string {
	for _, method := range amr {
		if text, ok := t.OpenedBy[method]; ok {
			if slices.Contains(amr, "mfa") && method != "hwk" && method != "swk" { // a passkey counts as both factors
				return t.Text("page.andSecondFactor", "opened", text)
			}
			return text
		}
	}
	return ""
}
