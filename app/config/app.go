package config

import (
	"regexp"
	"slices"
	"strings"
)

// App is an application whose users sign in at the hosted pages.
type App struct {
	Name       string
	ReturnURLs []string
}

// appName is what an app calls itself in an address.
var appName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// Apps are the applications of LOGIN_APPS, in the order in which they are named.
func (c Config) Apps() []App {
	var apps []App
	for _, entry := range c.AppList {
		name, address, _ := strings.Cut(strings.TrimSpace(entry), "=")
		i := slices.IndexFunc(apps, func(a App) bool { return a.Name == name })
		if i < 0 {
			apps = append(apps, App{Name: name})
			i = len(apps) - 1
		}
		apps[i].ReturnURLs = append(apps[i].ReturnURLs, address)
	}
	return apps
}

// checkApps refuses return URLs that would carry a code elsewhere than a reader
// thinks, or in the clear.
func (c Config) checkApps(p *problems) {
	seen := map[string]string{}
	for _, a := range c.Apps() {
		if !appName.MatchString(a.Name) {
			p.add("APPS", "%q is not name=URL such as web=https://app.example.org/signed-in; a name has small letters, digits, - and _", a.Name)
			continue
		}
		for _, address := range a.ReturnURLs {
			fault := faultOf(address, false)
			switch {
			case address == "":
				p.add("APPS", "%s has no return URL such as https://app.example.org/signed-in", a.Name)
			case fault != "":
				p.add("APPS", "%s", fault)
			case strings.Contains(address, "#"):
				p.add("APPS", "%q must not contain #: the pages add parameters, which would come after it", address)
			case seen[address] != "":
				p.add("APPS", "%q is listed twice", address)
			}
			seen[address] = a.Name
		}
	}
	p.addIf(c.ProvidersFile != "" && !c.HostedPages, "PROVIDERS", "needs %sHOSTED_PAGES=true; sign-ins with providers end there", Prefix)
	p.addIf(len(seen) > 0 && !c.HostedPages, "APPS", "needs %sHOSTED_PAGES=true; apps without the hosted pages need no entry", Prefix)
}
