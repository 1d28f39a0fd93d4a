package auth

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	allowedRolesClaim = "x-hasura-allowed-roles"
	defaultRoleClaim  = "x-hasura-default-role"
	roleVariable      = "x-hasura-role"
	variablePrefix    = "x-hasura-"
)

// session picks the role out of a verified token's claims and makes the
// session variables. requested is the x-hasura-role header; empty means the
// default role.
func (j *JWT) session(c claims, requested string) (*Session, *Error) {
	hasura, refused := j.hasuraClaims(c)
	if refused != nil {
		return nil, refused
	}
	allowed, refused := allowedRoles(hasura)
	if refused != nil {
		return nil, refused
	}
	role, refused := defaultRole(hasura)
	if refused != nil {
		return nil, refused
	}
	if requested != "" {
		role = requested
	}
	if !slices.Contains(allowed, role) {
		return nil, refuse("access-denied", "Your requested role is not in allowed roles")
	}
	delete(hasura, allowedRolesClaim)
	delete(hasura, defaultRoleClaim)
	variables := make(map[string]string, len(hasura)+1)
	for _, name := range slices.Sorted(maps.Keys(hasura)) {
		var value string
		if kind := jsonKind(hasura[name]); kind != "String" || json.Unmarshal(hasura[name], &value) != nil {
			return nil, refuse("jwt-invalid-claims", "x-hasura-* claims: parsing Text failed, expected String, but encountered %s", kind)
		}
		variables[name] = value
	}
	variables[roleVariable] = role
	return &Session{Role: role, Variables: variables}, nil
}

// hasuraClaims finds Hasura's own claims, their names in lower case.
func (j *JWT) hasuraClaims(c claims) (map[string]json.RawMessage, *Error) {
	if j.ClaimsMap != nil {
		return j.mappedClaims(c)
	}
	raw, ok := c.all[j.namespace()]
	if !ok {
		return nil, refuse("jwt-invalid-claims", "claims key: '%s' not found", j.namespace())
	}
	if j.ClaimsFormat == "stringified_json" {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return nil, refuse("jwt-invalid-claims", "expecting a string when claims_format is stringified_json")
		}
		if jsonKind([]byte(text)) != "Object" || !json.Valid([]byte(text)) {
			return nil, refuse("jwt-invalid-claims", "expecting stringified json at: 'claims_namespace %s', but found: %s", j.namespace(), text)
		}
		raw = []byte(text)
	}
	var object map[string]json.RawMessage
	if jsonKind(raw) != "Object" || json.Unmarshal(raw, &object) != nil {
		return nil, refuse("jwt-invalid-claims", "expecting a json object when claims_format is json")
	}
	found := map[string]json.RawMessage{}
	for name, value := range object {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, variablePrefix) {
			found[lower] = value
		}
	}
	return found, nil
}

func (j *JWT) mappedClaims(c claims) (map[string]json.RawMessage, *Error) {
	found := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(j.ClaimsMap)) {
		at := j.ClaimsMap[name]
		value := at.Literal
		if at.Path != "" {
			value = lookUp(c.all, at.Path)
			if value == nil {
				value = at.Default
			}
		}
		if value == nil {
			return nil, refuse("jwt-invalid-claims", "JWT claim from claims_map, %q not found", name)
		}
		found[strings.ToLower(name)] = value
	}
	return found, nil
}

// lookUp follows a path of the form $.a.b; nil where it leads nowhere.
func lookUp(object map[string]json.RawMessage, path string) json.RawMessage {
	var value json.RawMessage
	for _, step := range strings.Split(strings.TrimPrefix(strings.TrimPrefix(path, "$"), "."), ".") {
		var ok bool
		if value, ok = object[step]; !ok {
			return nil
		}
		object = nil
		_ = json.Unmarshal(value, &object) // no object: the next step finds nothing
	}
	return value
}

func allowedRoles(hasura map[string]json.RawMessage) ([]string, *Error) {
	raw, ok := hasura[allowedRolesClaim]
	if !ok {
		return nil, refuse("jwt-missing-role-claims", "JWT claim does not contain %q", allowedRolesClaim)
	}
	invalid := func(why string) *Error {
		return refuse("jwt-invalid-claims", "invalid %q; should be a list of roles: %s", allowedRolesClaim, why)
	}
	var elements []json.RawMessage
	if kind := jsonKind(raw); kind != "Array" || json.Unmarshal(raw, &elements) != nil {
		return nil, invalid("parsing [] failed, expected Array, but encountered " + kind)
	}
	roles := make([]string, len(elements))
	for i, e := range elements {
		if why := parseRole(e, &roles[i]); why != "" {
			return nil, invalid(why)
		}
	}
	return roles, nil
}

func defaultRole(hasura map[string]json.RawMessage) (string, *Error) {
	raw, ok := hasura[defaultRoleClaim]
	if !ok {
		return "", refuse("jwt-missing-role-claims", "JWT claim does not contain %q", defaultRoleClaim)
	}
	var role string
	if why := parseRole(raw, &role); why != "" {
		return "", refuse("jwt-invalid-claims", "invalid %q; should be a single role name: %s", defaultRoleClaim, why)
	}
	return role, nil
}

// parseRole returns the error of a role name, or "".
func parseRole(raw json.RawMessage, into *string) string {
	if kind := jsonKind(raw); kind != "String" || json.Unmarshal(raw, into) != nil {
		return fmt.Sprintf("parsing String failed, expected String, but encountered %s", kind)
	}
	if *into == "" {
		return "empty string not allowed"
	}
	return ""
}

// jsonKind names the type of a JSON value as Hasura's JSON library does.
func jsonKind(raw []byte) string {
	switch trimmed := strings.TrimLeft(string(raw), " \t\r\n"); {
	case trimmed == "", trimmed[0] == 'n':
		return "Null"
	case trimmed[0] == '{':
		return "Object"
	case trimmed[0] == '[':
		return "Array"
	case trimmed[0] == '"':
		return "String"
	case trimmed[0] == 't', trimmed[0] == 'f':
		return "Boolean"
	default:
		return "Number"
	}
}
