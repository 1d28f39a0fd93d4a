package metadata

import (
	"regexp"
	"slices"
)

var templateVariable = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}`)

// Expand replaces each {{VAR}} of a template and returns the names that env
// does not know.
func Expand(template string, env func(string) (string, bool)) (expanded string, missing []string) {
	expanded = templateVariable.ReplaceAllStringFunc(template, func(match string) string {
		name := templateVariable.FindStringSubmatch(match)[1]
		value, ok := env(name)
		if !ok {
			missing = append(missing, name)
		}
		return value
	})
	return expanded, missing
}

// EnvNames lists, sorted, every environment variable that the metadata names:
// from_env, value_from_env and {{VAR}}. Hasura and the job that applies the
// metadata both need them all, or objects become inconsistent.
func (m *Metadata) EnvNames() []string {
	var names []string
	for _, s := range m.Sources {
		if name := s.Configuration.ConnectionInfo.DatabaseURL.FromEnv; name != "" {
			names = append(names, name)
		}
	}
	none := func(string) (string, bool) { return "", false }
	for _, a := range m.Actions {
		_, missing := Expand(a.Handler, none)
		names = append(names, missing...)
		for _, h := range a.Headers {
			if h.ValueFromEnv != "" {
				names = append(names, h.ValueFromEnv)
			}
			_, missing := Expand(h.Value, none)
			names = append(names, missing...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// SecretFiles lists the files that hold connection URLs (dynamic_from_file).
func (m *Metadata) SecretFiles() []string {
	var files []string
	for _, s := range m.Sources {
		if file := s.Configuration.ConnectionInfo.DatabaseURL.DynamicFromFile; file != "" {
			files = append(files, file)
		}
	}
	return files
}
