package login

import (
	"regexp"
	"slices"
	"strings"
)

// roleName is what Hasura takes as a role without quoting trouble.
var roleName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,62}$`)

// IsRoleName reports whether a token may hold this role, unless it is admin.
func IsRoleName(name string) bool { return roleName.MatchString(name) }

// IsAdmin reports whether a role is Hasura's admin role, or looks like it.
func IsAdmin(role string) bool { return strings.EqualFold(role, "admin") }

// CheckRoles refuses role lists that a token can never hold: an empty list, malformed
// names, and admin, which would open everything in Hasura.
func CheckRoles(roles []string) error {
	if len(roles) == 0 {
		return Invalid("roles", "at least one is needed")
	}
	for _, role := range roles {
		if IsAdmin(role) {
			return Invalid("roles", "admin is never given to a user; Hasura would let such a token do anything")
		}
		if !IsRoleName(role) {
			return Invalid("roles", "%q is not a role name (letters, digits, _ . : and -, up to 63)", role)
		}
	}
	return nil
}

func withUserRole(roles []string) []string {
	if slices.Contains(roles, "user") {
		return roles
	}
	return append(slices.Clone(roles), "user")
}
