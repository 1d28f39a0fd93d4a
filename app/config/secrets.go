package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"hasura-login/app/secretfile"
)

// minSecretLength holds 128 bits even where they are written in hexadecimal.
const minSecretLength = 32

// setting is a field of Config that holds a secret.
type setting struct {
	name  string // without the prefix
	is    []string
	value secretfile.Secret
}

func (s setting) isKey() bool    { return slices.Contains(s.is, "key") }
func (s setting) isNeeded() bool { return slices.Contains(s.is, "needed") }

func (c Config) secrets() []setting {
	var found []setting
	fields, value := reflect.TypeFor[Config](), reflect.ValueOf(c)
	for i := range fields.NumField() {
		if secret, ok := value.Field(i).Interface().(secretfile.Secret); ok {
			tag := fields.Field(i).Tag
			found = append(found, setting{tag.Get("secret"), strings.Split(tag.Get("is"), ","), secret})
		}
	}
	return found
}

// Keys are the names, without the prefix, of the random values that production
// cannot do without.
func Keys() []string {
	var names []string
	for _, s := range (Config{}).secrets() {
		if s.isKey() && s.isNeeded() {
			names = append(names, s.name)
		}
	}
	return names
}

func (c Config) checkSecrets(p *problems) {
	for _, s := range c.secrets() {
		short := s.isKey() && slices.ContainsFunc(s.value.Values(), func(v string) bool { return len(v) < minSecretLength })
		p.addIf(short, s.name, "a value is shorter than %d characters; make one with: openssl rand -hex 32", minSecretLength)
	}
}

// Missing names what production cannot do without.
func (c Config) Missing() error {
	var missing []string
	for _, s := range c.secrets() {
		if s.isNeeded() && !s.value.IsSet() {
			missing = append(missing, fmt.Sprintf("%s%s or %s%s_FILE is not set", Prefix, s.name, Prefix, s.name))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return errors.New(strings.Join(missing, "\n"))
}
