package provider

import "strings"

// newGoogle follows developers.google.com/identity: "OpenID Connect".
func newGoogle(Settings) (preset, error) {
	const issuer = "https://accounts.google.com"
	return preset{title: "Google", issuer: issuer, rules: rules{verified: vouchedByGoogle}}, nil
}

// vouchedByGoogle tells whether Google runs the mailbox itself. For other addresses
// email_verified only says that the user read the mailbox when the Google account was
// made; somebody else may own it since.
func vouchedByGoogle(c idClaims) bool {
	return bool(c.EmailVerified) && (strings.HasSuffix(strings.ToLower(c.Email), "@gmail.com") || c.HostedDomain != "")
}
