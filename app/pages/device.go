package pages

import (
	"slices"
	"strings"
)

// Names in the User-Agent of browsers; each browser also claims to be those below it.
// Session names are truncated, so these marks are near the beginning.
var (
	browsers = []struct{ mark, name string }{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"Chrome/", "Chrome"}, {"CriOS/", "Chrome"}, {"AppleWebKit/", "Safari"},
	}
	systems = []struct{ mark, name string }{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// device names a session's client for its owner: browser and system if both are known,
// otherwise the client's own name.
func (t *texts) device(userAgent string) string {
	browser, system := "", ""
	for _, b := range browsers {
		if browser == "" && strings.Contains(userAgent, b.mark) {
			browser = b.name
		}
	}
	for _, s := range systems {
		if system == "" && strings.Contains(userAgent, s.mark) {
			system = s.name
		}
	}
	switch {
	case browser != "" && system != "":
		return t.Text("page.deviceOn", "browser", browser, "system", system)
	case userAgent == "":
		return t.UnknownDevice
	default:
		return userAgent
	}
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
