// Package webauthn runs the ceremonies of passkeys (WebAuthn Level 3): it makes the
// options for browsers and checks the answers of authenticators. It keeps no state.
package webauthn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	library "github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"hasura-login/app/login"
)

// Ceremonies implements login.Passkeys.
type Ceremonies struct {
	library *library.WebAuthn
	seal    seal
}

var _ login.Passkeys = (*Ceremonies)(nil)

// RelyingParty is the site that asks for passkeys.
type RelyingParty struct {
	ID      string   // the domain that passkeys are for
	Name    string   // what authenticators show
	Origins []string // of the pages that may ask, as browsers send them
}

// New makes Ceremonies. The secrets seal challenges: the first seals, and all open.
func New(rp RelyingParty, secrets func() [][]byte) (*Ceremonies, error) {
	if err := rp.check(); err != nil {
		return nil, err
	}
	w, err := library.New(&library.Config{
		RPID: rp.ID, RPDisplayName: rp.Name, RPOrigins: rp.Origins,
		// Nothing here depends on an extension, and some clients answer extensions that were
		// not requested.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, err
	}
	return &Ceremonies{library: w, seal: seal{secrets}}, nil
}

// algorithms are those that Level 3 recommends, most common first.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// attestations are the accepted formats. The options ask for no attestation. If one
// comes anyway, these are signatures of the authenticator itself, which the library
// checks. Other formats would only add decoders.
var attestations = []protocol.AttestationFormat{protocol.AttestationFormatNone, protocol.AttestationFormatPacked}

// timeout is how long a browser waits for the user.
var timeout = int(login.ChallengeLife.Milliseconds())

// CreationOptions implements login.Passkeys.
func (c *Ceremonies) CreationOptions(challenge, handle []byte, u login.User, known []login.Passkey) (json.RawMessage, error) {
	required := true
	return json.Marshal(protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{ID: c.library.Config.RPID, CredentialEntity: protocol.CredentialEntity{Name: c.library.Config.RPDisplayName}},
		User: protocol.UserEntity{
			ID: protocol.URLEncodedBase64(handle), DisplayName: u.Name, CredentialEntity: protocol.CredentialEntity{Name: u.Email},
		},
		Challenge: challenge, Parameters: algorithms, Timeout: timeout,
		CredentialExcludeList: descriptors(known),
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &required, ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
		Attestation: protocol.PreferNoAttestation,
	})
}

// RequestOptions implements login.Passkeys.
func (c *Ceremonies) RequestOptions(challenge []byte, allowed []login.Passkey) (json.RawMessage, error) {
	return json.Marshal(protocol.PublicKeyCredentialRequestOptions{
		Challenge: challenge, Timeout: timeout, RelyingPartyID: c.library.Config.RPID,
		AllowedCredentials: descriptors(allowed), UserVerification: protocol.VerificationRequired,
	})
}

func descriptors(passkeys []login.Passkey) []protocol.CredentialDescriptor {
	var list []protocol.CredentialDescriptor
	for _, p := range passkeys {
		d := protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: p.CredentialID}
		for _, t := range p.Transports {
			d.Transport = append(d.Transport, protocol.AuthenticatorTransport(t))
		}
		list = append(list, d)
	}
	return list
}

// user is an account in the library's form.
type user struct {
	handle      []byte
	credentials []library.Credential
}

func (u user) WebAuthnID() []byte                        { return u.handle }
func (u user) WebAuthnName() string                      { return "" }
func (u user) WebAuthnDisplayName() string               { return "" }
func (u user) WebAuthnCredentials() []library.Credential { return u.credentials }

func session(challenge []byte) library.SessionData {
	return library.SessionData{
		Challenge: protocol.URLEncodedBase64(challenge).String(), UserVerification: protocol.VerificationRequired, CredParams: algorithms,
	}
}

// Created implements login.Passkeys.
func (c *Ceremonies) Created(answer []byte) (login.CreatedPasskey, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return login.CreatedPasskey{}, malformed(err)
	}
	challenge, err := challengeOf(parsed.Response.CollectedClientData)
	return login.CreatedPasskey{Challenge: challenge, Check: func(challenge, handle []byte) (login.Passkey, error) {
		return c.created(parsed, challenge, handle)
	}}, err
}

func (c *Ceremonies) created(parsed *protocol.ParsedCredentialCreationData, challenge, handle []byte) (login.Passkey, error) {
	if !slices.Contains(attestations, protocol.AttestationFormat(parsed.Response.AttestationObject.Format)) {
		return login.Passkey{}, refused(errors.New("attestation of another format than none and packed"))
	}
	if p := parsed.ClientExtensionResults.CredProps; p != nil && p.RK != nil && !*p.RK {
		return login.Passkey{}, refused(errors.New("the credential is not discoverable"))
	}
	s := session(challenge)
	s.UserID = handle
	credential, err := c.library.CreateCredential(user{handle: handle}, s, parsed)
	if err != nil {
		return login.Passkey{}, refused(err)
	}
	aaguid, err := uuid.FromBytes(credential.Authenticator.AAGUID)
	if err != nil {
		return login.Passkey{}, refused(err)
	}
	return login.Passkey{
		CredentialID: bytes.Clone(credential.ID), PublicKey: bytes.Clone(credential.PublicKey), AAGUID: aaguid.String(),
		SignCount:      credential.Authenticator.SignCount,
		BackupEligible: credential.Flags.BackupEligible, BackedUp: credential.Flags.BackupState,
		Transports: transports(credential.Transport),
	}, nil
}

// transports keeps the values that WebAuthn defines: a browser may send any text.
func transports(sent []protocol.AuthenticatorTransport) []string {
	known := []protocol.AuthenticatorTransport{protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal}
	var list []string
	for _, t := range known {
		if slices.Contains(sent, t) {
			list = append(list, string(t))
		}
	}
	return list
}

// Used implements login.Passkeys.
func (c *Ceremonies) Used(answer []byte) (login.UsedPasskey, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return login.UsedPasskey{}, malformed(err)
	}
	challenge, err := challengeOf(parsed.Response.CollectedClientData)
	return login.UsedPasskey{Challenge: challenge, CredentialID: parsed.RawID, Check: func(challenge, handle []byte, p login.Passkey) (login.PasskeyUse, error) {
		return c.used(parsed, challenge, handle, p)
	}}, err
}

// used has the library check everything but the counter. Only the store can compare
// that with concurrent answers.
func (c *Ceremonies) used(parsed *protocol.ParsedCredentialAssertionData, challenge, handle []byte, p login.Passkey) (login.PasskeyUse, error) {
	owner := user{handle, []library.Credential{{
		ID: p.CredentialID, PublicKey: p.PublicKey, Flags: library.CredentialFlags{BackupEligible: p.BackupEligible, BackupState: p.BackedUp},
		Authenticator: library.Authenticator{SignCount: p.SignCount},
	}}}
	if len(parsed.Response.UserHandle) == 0 {
		return login.PasskeyUse{}, refused(errors.New("the answer names no user; the credential is not discoverable"))
	}
	_, _, err := c.library.ValidatePasskeyLogin(func(_, _ []byte) (library.User, error) { return owner, nil }, session(challenge), parsed)
	if err != nil {
		return login.PasskeyUse{}, refused(err)
	}
	data := parsed.Response.AuthenticatorData
	return login.PasskeyUse{ID: p.ID, SignCount: data.Counter, BackedUp: data.Flags.HasBackupState()}, nil
}

// challengeOf returns the challenge that an answer names.
func challengeOf(data protocol.CollectedClientData) ([]byte, error) {
	challenge, err := encoding.DecodeString(data.Challenge)
	if err != nil {
		return nil, malformed(err)
	}
	return challenge, nil
}

func malformed(err error) error { return fmt.Errorf("%w: %w", login.ErrPasskeyAnswer, explained(err)) }
func refused(err error) error   { return fmt.Errorf("%w: %w", login.ErrPasskeyRefused, explained(err)) }

// explained adds the library's details of an error, which it gives only on request.
func explained(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) && e.DevInfo != "" {
		return fmt.Errorf("%w (%s)", err, strings.TrimSpace(e.DevInfo))
	}
	return err
}
