package login

// Assertion is what a provider says about somebody who has signed in there. Issuer and
// Subject name the identity; an address names nobody.
type Assertion struct {
	Provider      string // as the settings call it
	Issuer        string
	Subject       string
	Email         string // as the provider writes it; empty: it gave none
	EmailVerified bool   // the provider vouches that the person reads this mailbox
	Name          string
	AMR           []string // how the person has signed in there (RFC 8176)
}
