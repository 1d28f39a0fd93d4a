// Package webauthntest is an authenticator for tests: it answers the options of the
// ceremonies as a browser's toJSON() does, correctly or with a fault that the test
// chooses.
package webauthntest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// The flags of authenticator data.
const (
	UserPresent    = 1 << 0
	UserVerified   = 1 << 2
	BackupEligible = 1 << 3
	BackedUp       = 1 << 4
	attestedData   = 1 << 6
)

// Authenticator holds one credential, made by Create. Its fields set how it answers.
type Authenticator struct {
	Origin     string // that the browser says it is at
	RPID       string // empty: that of the options
	Flags      byte
	Count      uint32 // the signature counter, which rises by Step with each use
	Step       uint32
	Format     string // of the attestation: none or packed
	Type       string // of the ceremony; empty: the right one
	NoHandle   bool   // the answer names no user
	Transports []string

	CredentialID []byte
	Handle       []byte
	key          *ecdsa.PrivateKey
}

// New returns an authenticator that verifies its user and behaves correctly.
func New(origin string) *Authenticator {
	return &Authenticator{Origin: origin, Flags: UserPresent | UserVerified, Step: 1, Format: "none", Transports: []string{"usb"}}
}

// Clone is a second authenticator with the same key.
func (a *Authenticator) Clone() *Authenticator {
	clone := *a
	return &clone
}

var encoding = base64.RawURLEncoding

type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
}

func parse(raw []byte) (o options, err error) {
	err = json.Unmarshal(raw, &o)
	return o, err
}

func (a *Authenticator) clientData(ceremony, challenge string) []byte {
	if a.Type != "" {
		ceremony = a.Type
	}
	data, _ := json.Marshal(map[string]any{"type": ceremony, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	return data
}

// authData returns authenticator data (WebAuthn, 6.1), with a credential if there is
// one.
func (a *Authenticator) authData(rpID string, attested []byte) []byte {
	if a.RPID != "" {
		rpID = a.RPID
	}
	digest := sha256.Sum256([]byte(rpID))
	flags := a.Flags
	if attested != nil {
		flags |= attestedData
	}
	data := append(digest[:], flags)
	data = binary.BigEndian.AppendUint32(data, a.Count)
	return append(data, attested...)
}

// Create makes a credential and answers the creation options.
func (a *Authenticator) Create(raw []byte) ([]byte, error) {
	o, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if a.Handle, err = encoding.DecodeString(o.User.ID); err != nil {
		return nil, err
	}
	a.CredentialID = make([]byte, 32)
	_, _ = rand.Read(a.CredentialID) // never fails
	return a.answerCreation(o)
}

// CreateAgain answers other creation options with the existing credential.
func (a *Authenticator) CreateAgain(raw []byte) ([]byte, error) {
	o, err := parse(raw)
	if err != nil {
		return nil, err
	}
	return a.answerCreation(o)
}

func (a *Authenticator) answerCreation(o options) ([]byte, error) {
	point, err := a.key.PublicKey.Bytes() // 4 | x | y
	if err != nil {
		return nil, err
	}
	key, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		return nil, err
	}
	attested := make([]byte, 16, 256) // an AAGUID of zeros
	attested = binary.BigEndian.AppendUint16(attested, uint16(len(a.CredentialID)))
	attested = append(append(attested, a.CredentialID...), key...)
	auth := a.authData(o.RP.ID, attested)
	client := a.clientData("webauthn.create", o.Challenge)
	statement := map[string]any{}
	if a.Format == "packed" {
		sig, err := a.sign(auth, client)
		if err != nil {
			return nil, err
		}
		statement = map[string]any{"alg": -7, "sig": sig}
	}
	object, err := webauthncbor.Marshal(map[string]any{"fmt": a.Format, "attStmt": statement, "authData": auth})
	if err != nil {
		return nil, err
	}
	return a.answer(map[string]any{
		"clientDataJSON": encoding.EncodeToString(client), "attestationObject": encoding.EncodeToString(object), "transports": a.Transports,
	})
}

// Get answers the request options with the credential.
func (a *Authenticator) Get(raw []byte) ([]byte, error) {
	o, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if a.key == nil {
		return nil, fmt.Errorf("the authenticator has no credential")
	}
	a.Count += a.Step
	auth := a.authData(o.RPID, nil)
	client := a.clientData("webauthn.get", o.Challenge)
	sig, err := a.sign(auth, client)
	if err != nil {
		return nil, err
	}
	response := map[string]any{
		"clientDataJSON": encoding.EncodeToString(client), "authenticatorData": encoding.EncodeToString(auth), "signature": encoding.EncodeToString(sig),
	}
	if !a.NoHandle {
		response["userHandle"] = encoding.EncodeToString(a.Handle)
	}
	return a.answer(response)
}

func (a *Authenticator) sign(auth, client []byte) ([]byte, error) {
	clientDigest := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, auth...), clientDigest[:]...))
	return ecdsa.SignASN1(rand.Reader, a.key, digest[:])
}

func (a *Authenticator) answer(response map[string]any) ([]byte, error) {
	id := encoding.EncodeToString(a.CredentialID)
	return json.Marshal(map[string]any{
		"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
}
