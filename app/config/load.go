package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"hasura-login/app/secretfile"
)

// Load reads the configuration from an environment in the form of os.Environ. The error
// joins all problems, one per line; lines shows the values that are in use, for people.
func Load(environ []string) (Config, []Line, error) {
	vars := pick(environ)
	var c Config
	problems, unread := parse(&c, vars)
	c.CORSOrigins = canonical(c.CORSOrigins)
	c.PasskeyOrigins = canonical(c.PasskeyOrigins)
	known := map[string]bool{}
	var lines []Line
	fields := reflect.TypeFor[Config]()
	value := reflect.ValueOf(&c).Elem()
	for i := range fields.NumField() {
		f := fields.Field(i)
		if name := f.Tag.Get("secret"); name != "" {
			known[Prefix+name], known[Prefix+name+"_FILE"] = true, true
			secret, line, err := loadSecret(vars, Prefix+name)
			if err != nil {
				problems = append(problems, err)
			}
			value.Field(i).Set(reflect.ValueOf(secret))
			lines = append(lines, line)
			continue
		}
		name := Prefix + f.Tag.Get("env")
		known[name] = true
		if unread[name] {
			lines = append(lines, Line{name, vars[name], "environment"})
			continue
		}
		lines = append(lines, plainLine(vars, name, value.Field(i).Interface()))
	}
	for name := range vars {
		if hint := replaced[name]; hint != "" {
			problems = append(problems, fmt.Errorf("%s: %s", name, hint))
		} else if !known[name] {
			problems = append(problems, fmt.Errorf("%s: no such setting%s", name, nearest(name, known)))
		}
	}
	for _, problem := range c.check() {
		// A value that could not be read has been reported; the check sees zero instead.
		if name, _, _ := strings.Cut(problem.Error(), ":"); !unread[name] {
			problems = append(problems, problem)
		}
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i].Name < lines[j].Name })
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return c, lines, errors.Join(problems...)
}

// pick keeps our variables. An empty one counts as not set, because compose files write
// ${NAME:-} for optional ones.
func pick(environ []string) map[string]string {
	vars := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, Prefix) && value != "" {
			vars[name] = value
		}
	}
	return vars
}

func loadSecret(vars map[string]string, name string) (secretfile.Secret, Line, error) {
	inline, path := vars[name], vars[name+"_FILE"]
	switch {
	case inline != "" && path != "":
		return secretfile.Secret{}, Line{name, "(ambiguous)", "environment"},
			fmt.Errorf("%s and %s_FILE are both set: keep one", name, name)
	case path != "":
		secret, err := secretfile.Open(path)
		if err != nil {
			err = fmt.Errorf("%s_FILE: %w", name, err)
		}
		return secret, Line{name + "_FILE", path, "environment"}, err
	case inline != "":
		return secretfile.Fixed(inline), Line{name, "(set, hidden)", "environment"}, nil
	}
	return secretfile.Secret{}, Line{name, "(not set)", "default"}, nil
}

func plainLine(vars map[string]string, name string, value any) Line {
	origin := "default"
	if _, set := vars[name]; set {
		origin = "environment"
	}
	text := fmt.Sprint(value)
	if list, ok := value.([]string); ok {
		text = strings.Join(list, ",")
	}
	if text == "" {
		text = "(empty)"
	}
	return Line{name, text, origin}
}

// parse fills in what is not a secret. It returns a line for each value that it cannot
// read, and the names of their variables.
func parse(c *Config, vars map[string]string) (problems []error, unread map[string]bool) {
	unread = map[string]bool{}
	err := env.ParseWithOptions(c, env.Options{Prefix: Prefix, Environment: vars})
	var all env.AggregateError
	if err != nil && !errors.As(err, &all) {
		return []error{err}, unread
	}
	for _, e := range all.Errors {
		var failed env.ParseError
		if errors.As(e, &failed) {
			field, _ := reflect.TypeFor[Config]().FieldByName(failed.Name)
			name := Prefix + field.Tag.Get("env")
			unread[name] = true
			e = fmt.Errorf("%s: %w", name, wanted(vars[name], failed))
		}
		problems = append(problems, e)
	}
	return problems, unread
}

// wanted says which values a setting takes. A type of ours says so itself.
func wanted(value string, failed env.ParseError) error {
	switch {
	case failed.Type == reflect.TypeFor[time.Duration]():
		return fmt.Errorf("%q is not a duration such as 30s, 15m or 12h", value)
	case failed.Type.Kind() == reflect.Bool:
		return fmt.Errorf("%q is neither true nor false", value)
	case failed.Type.Kind() == reflect.Int:
		return fmt.Errorf("%q is not a whole number", value)
	}
	return failed.Err
}

// nearest suggests a similar known name, because most unknown names are typos.
func nearest(name string, known map[string]bool) string {
	best, distance := "", 4
	for candidate := range known {
		if d := editDistance(name, candidate); d < distance || d == distance && candidate < best {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}
