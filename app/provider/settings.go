package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"time"

	"hasura-login/app/secretfile"
)

// Settings are one entry of the settings file; docs/providers.md explains each.
type Settings struct {
	Preset           string   `json:"preset"`
	Name             string   `json:"name"`
	Title            string   `json:"title"`
	Issuer           string   `json:"issuer"`
	ClientID         string   `json:"clientId"`
	ClientSecretFile string   `json:"clientSecretFile"`
	Scopes           []string `json:"scopes"`
	SecondFactor     []string `json:"secondFactor"`

	Tenant  string   `json:"tenant"`  // Microsoft
	Tenants []string `json:"tenants"` // Microsoft

	TeamID         string `json:"teamId"`         // Apple
	KeyID          string `json:"keyId"`          // Apple
	PrivateKeyFile string `json:"privateKeyFile"` // Apple
}

// preset is what this package knows about a provider.
type preset struct {
	title    string
	issuer   string // of OpenID Connect
	rules    rules
	scopes   []string // if not the usual ones
	formPost bool
	secret   func() (string, error) // nil: the file's content
	site     site                   // nil: OpenID Connect
}

var presets = map[string]func(Settings) (preset, error){
	"apple": newApple, "discord": newDiscord, "github": newGitHub, "google": newGoogle, "microsoft": newMicrosoft,
	"": newOpenID,
}

func newOpenID(s Settings) (preset, error) {
	u, err := url.Parse(s.Issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !secure(u.Scheme, u.Hostname()) {
		return preset{}, fmt.Errorf("issuer: %q is not an https URL such as https://id.example.org", s.Issuer)
	}
	if s.Name == "" || s.Title == "" {
		return preset{}, errors.New("needs name and title, or a preset")
	}
	return preset{title: s.Title, issuer: s.Issuer}, nil
}

// fit refuses a setting that this kind of provider does not use.
func (s Settings) fit() error {
	for _, setting := range []struct {
		name   string
		set    bool
		preset string
	}{
		{"issuer", s.Issuer != "", ""},
		{"tenant", s.Tenant != "", "microsoft"}, {"tenants", s.Tenants != nil, "microsoft"},
		{"teamId", s.TeamID != "", "apple"}, {"keyId", s.KeyID != "", "apple"}, {"privateKeyFile", s.PrivateKeyFile != "", "apple"},
		{"clientSecretFile", s.ClientSecretFile != "" && s.Preset == "apple", ""},
		{"secondFactor", s.SecondFactor != nil && (s.Preset == "github" || s.Preset == "discord"), ""},
	} {
		if setting.set && s.Preset != setting.preset {
			return fmt.Errorf("%s: this provider takes no such setting", setting.name)
		}
	}
	return nil
}

// Options are common to all providers.
type Options struct {
	PublicURL string // where browsers find the service
	Observer  Observer
	Transport http.RoundTripper // nil: the system's network
	Now       func() time.Time  // nil: the system's clock
}

// providerName is the form of a name in addresses and metrics.
var providerName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// CallbackPath is the path that a provider sends the browser back to.
func CallbackPath(name string) string { return "/auth/oauth/" + name + "/callback" }

// Load reads a settings file. The error joins every problem.
func Load(path string, o Options) ([]*Provider, error) {
	text, err := os.ReadFile(path) // #nosec G304 -- the operator's own setting
	if err != nil {
		return nil, err
	}
	var file struct {
		Providers []Settings `json:"providers"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: something stands behind the last }", path)
	}
	var all []*Provider
	var problems []error
	for i, s := range file.Providers {
		p, err := New(s, o)
		if err == nil && slices.ContainsFunc(all, func(other *Provider) bool { return other.Name == p.Name }) {
			err = fmt.Errorf("%s is listed twice; give one of them a name", p.Name)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: provider %d: %w", path, i+1, err))
			continue
		}
		all = append(all, p)
	}
	return all, errors.Join(problems...)
}

// New makes a provider. It makes no connection.
func New(s Settings, o Options) (*Provider, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	known, ok := presets[s.Preset]
	if !ok {
		return nil, fmt.Errorf("preset: %q is none of apple, discord, github, google, microsoft; leave it out for another provider of OpenID Connect", s.Preset)
	}
	if s.Preset == "microsoft" && s.Tenant == "" {
		s.Tenant = "common"
	}
	if err := s.fit(); err != nil {
		return nil, err
	}
	k, err := known(s)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		Name: s.Name, Title: s.Title, Brand: s.Preset, FormPost: k.formPost, SecondFactor: s.SecondFactor,
		site: k.site, clientID: s.ClientID, secret: k.secret, scopes: s.Scopes, client: newClient(o.Transport), observer: o.Observer,
	}
	if p.Name == "" {
		p.Name = s.Preset
	}
	if p.Title == "" {
		p.Title = k.title
	}
	if len(p.scopes) == 0 {
		p.scopes = k.scopes
	}
	if len(p.scopes) == 0 {
		p.scopes = []string{"openid", "email", "profile"}
	}
	if !providerName.MatchString(p.Name) {
		return nil, fmt.Errorf("name: %q has other characters than a-z, 0-9 and -, or more than 32", p.Name)
	}
	if p.clientID == "" {
		return nil, errors.New("needs clientId")
	}
	if p.secret == nil {
		secret, err := secretfile.Open(s.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("clientSecretFile: %w", err)
		}
		p.secret = func() (string, error) { return secret.Value(), nil }
	}
	if p.site == nil {
		p.site = &openID{issuer: k.issuer, clientID: s.ClientID, rules: k.rules, now: o.Now}
	}
	p.redirectURI = o.PublicURL + CallbackPath(p.Name)
	return p, nil
}
