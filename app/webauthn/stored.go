package webauthn

import (
	"errors"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"hasura-login/app/login"
)

// CheckStored checks a passkey that another service has registered: its key must be a
// COSE_Key with one of our algorithms. It drops transports that WebAuthn does not name.
func CheckStored(p *login.Passkey) error {
	algorithm, err := algorithmOf(p.PublicKey)
	if err != nil {
		return errors.New("its public key is not a COSE_Key")
	}
	if !slices.ContainsFunc(algorithms, func(c protocol.CredentialParameter) bool { return c.Algorithm == algorithm }) {
		return errors.New("its algorithm is none of ES256, EdDSA and RS256")
	}
	if p.BackedUp && !p.BackupEligible {
		return errors.New("it is backed up, but says that it cannot be")
	}
	sent := make([]protocol.AuthenticatorTransport, len(p.Transports))
	for i, t := range p.Transports {
		sent[i] = protocol.AuthenticatorTransport(t)
	}
	p.Transports = transports(sent)
	return nil
}

func algorithmOf(key []byte) (webauthncose.COSEAlgorithmIdentifier, error) {
	parsed, err := webauthncose.ParsePublicKey(key)
	if err != nil {
		return 0, err
	}
	switch k := parsed.(type) {
	case webauthncose.EC2PublicKeyData:
		return webauthncose.COSEAlgorithmIdentifier(k.Algorithm), nil
	case webauthncose.OKPPublicKeyData:
		return webauthncose.COSEAlgorithmIdentifier(k.Algorithm), nil
	case webauthncose.RSAPublicKeyData:
		return webauthncose.COSEAlgorithmIdentifier(k.Algorithm), nil
	}
	return 0, errors.New("unknown kind of key")
}
