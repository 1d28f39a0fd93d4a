// Package useragent names browsers and systems for people. The names are from a closed
// list, so that a stranger's User-Agent puts no words into a page or a mail.
package useragent

import "strings"

// Names in the User-Agent of browsers; each browser also claims to be those below it.
// The names of sessions are truncated, so these marks are near the beginning.
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

// Names returns the browser and the system of a User-Agent. ok is false unless both are
// known.
func Names(userAgent string) (browser, system string, ok bool) {
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
	return browser, system, browser != "" && system != ""
}
