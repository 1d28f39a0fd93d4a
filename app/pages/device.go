package pages

import (
	"slices"
	"strings"
)

// What browsers call themselves: each also claims to be those below it. The
// names of sessions are cut, so the marks are early ones.
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

// device names a session's client for its owner: browser and system where both
// are known, else what it called itself.
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
		return browser + t.DeviceOn + system
	case userAgent == "":
		return t.UnknownDevice
	default:
		return userAgent
	}
}

// opened says by what a session's owner has proved who they are (RFC 8176). What the
// list does not know, such as a session that an operator has opened, has no words.
func (t *texts) opened(amr []string) string {
	for _, method := range amr {
		if text, ok := t.OpenedBy[method]; ok {
			if slices.Contains(amr, "mfa") {
				text += t.AndSecondFactor
			}
			return text
		}
	}
	return ""
}
