package transfer

import "hasura-login/app/login"

// knownProviders are the providers that have the same issuer for everyone, by the names
// that other systems use, with the names and issuers of package provider.
var knownProviders = map[string]struct{ name, issuer string }{
	"google": {"google", "https://accounts.google.com"}, "google.com": {"google", "https://accounts.google.com"}, "google-oauth2": {"google", "https://accounts.google.com"},
	"apple": {"apple", "https://appleid.apple.com"}, "apple.com": {"apple", "https://appleid.apple.com"},
	"github": {"github", "https://github.com"}, "github.com": {"github", "https://github.com"},
	"discord": {"discord", "https://discord.com"},
}

// identityOf converts an account at a provider to the form that is stored here. Without
// an issuer nobody could sign in with it.
func identityOf(provider, subject string) login.ImportIdentity {
	known := knownProviders[provider]
	if known.name == "" {
		known.name = provider
	}
	return login.ImportIdentity{Provider: known.name, Issuer: known.issuer, Subject: subject}
}
