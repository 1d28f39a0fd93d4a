package token

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hasura-login/app/login"
)

// The variables this package sets itself.
const (
	claimAllowedRoles = "x-hasura-allowed-roles"
	claimDefaultRole  = "x-hasura-default-role"
	claimUserID       = "x-hasura-user-id"
	claimSessionID    = "x-hasura-session-id"
	claimVerified     = "x-hasura-email-verified"
	claimElevated     = "x-hasura-auth-elevated"
	// claimOrganizations is the service's own where it keeps organisations.
	claimOrganizations = "x-hasura-org-ids"
)

// roleUser is in every token: all signed-in actions are permitted to it.
const roleUser = "user"

// Only ASCII: Hasura folds the case of claim names by Unicode, so a letter like "ſ"
// could otherwise become one of a reserved name.
var (
	claimName = regexp.MustCompile(`^x-hasura-[a-z0-9_-]{1,110}$`)
	asciiName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// hasuraClaims are the session variables of a token: strings, but for the list
// of roles. Whatever the account says, the variables of this package and
// Hasura's own are not to be replaced, and role admin never comes out.
func hasuraClaims(s login.Subject) map[string]any {
	claims := make(map[string]any, len(s.Account.Claims)+5)
	for name, value := range customClaims(s.Account.Claims) {
		claims[name] = value
	}
	roles := allowedRoles(s.Account.Roles)
	claims[claimAllowedRoles] = roles
	claims[claimDefaultRole] = defaultRole(s.Account.DefaultRole, roles)
	claims[claimUserID] = s.User.ID
	claims[claimSessionID] = s.SessionID
	if s.Elevated {
		claims[claimElevated] = s.User.ID
	}
	claims[claimVerified] = strconv.FormatBool(!s.Account.EmailVerifiedAt.IsZero())
	return claims
}

// allowedRoles are the account's roles that make sense, once each, user first.
func allowedRoles(roles []string) []string {
	allowed := []string{roleUser}
	for _, role := range roles {
		if login.IsRoleName(role) && !login.IsAdmin(role) && !slices.Contains(allowed, role) {
			allowed = append(allowed, role)
		}
	}
	return allowed
}

func defaultRole(role string, allowed []string) string {
	if slices.Contains(allowed, role) {
		return role
	}
	return roleUser
}

// customClaims are the account's own variables, with names in lower case as Hasura
// keeps them. If two names differ only in case, the one that is already lower case
// wins, otherwise the first in byte order.
func customClaims(account map[string]string) map[string]string {
	names := make([]string, 0, len(account))
	for name := range account {
		names = append(names, name)
	}
	slices.Sort(names)
	claims := make(map[string]string, len(names))
	for _, name := range names {
		lower := strings.ToLower(name)
		if !asciiName.MatchString(name) || !claimName.MatchString(lower) || reserved(lower) {
			continue
		}
		if _, taken := claims[lower]; !taken || name == lower {
			claims[lower] = account[name]
		}
	}
	return claims
}

// reserved tells which names an account must not set: those of this package,
// those with a meaning of their own to Hasura, and those of secrets that travel
// in x-hasura- headers.
func reserved(lower string) bool {
	switch lower {
	case claimAllowedRoles, claimDefaultRole, claimUserID, claimSessionID, claimVerified, claimElevated,
		"x-hasura-role", "x-hasura-access-key", "x-hasura-use-backend-only-permissions":
		return true
	}
	return strings.HasPrefix(lower, "x-hasura-admin") || strings.Contains(lower, "secret")
}
