package provider

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"hasura-login/app/login"
)

// FlowLife is how long a sign-in at a provider may take.
const FlowLife = 15 * time.Minute

// maxState bounds the state that End opens; a flow has a third of that.
const maxState = 2 << 10

// Flow is what a sign-in with a provider must remember until the browser is back. It
// travels sealed in the parameter state, so that strangers who begin sign-ins use no
// memory here. Only the browser that began the flow can end it, with the secret in its
// cookie.
type Flow struct {
	Provider    string         `json:"p"`
	ID          []byte         `json:"i"` // marked as used when the flow ends
	Expires     int64          `json:"e"` // Unix time
	Link        login.Identity `json:"l,omitzero"`
	ReturnState string         `json:"t,omitempty"` // where the pages continue
}

// Flows begins and ends flows.
type Flows struct {
	// Keys returns the keys that are valid now: the first seals, and all open.
	Keys func() [][]byte
	Now  func() time.Time
}

// browserBytes is the size of a browser's secret.
const browserBytes = 32

// NewBrowser draws the secret of a browser that has none.
func NewBrowser() string {
	var b [browserBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ErrBrowser : the browser has no secret, or an invalid one.
var ErrBrowser = errors.New("the browser has no secret")

var (
	errNoFlow = errors.New("the sign-in was not begun in this browser, or too long ago")
	errNoKey  = errors.New("there is no key to seal a sign-in with")
)

// Begin seals a flow for a browser.
func (f Flows) Begin(browser string, flow Flow) (Request, error) {
	keys := f.Keys()
	if len(keys) == 0 {
		return Request{}, errNoKey
	}
	flow.ID = make([]byte, 16)
	_, _ = rand.Read(flow.ID)
	flow.Expires = f.Now().Add(FlowLife).Unix()
	text, err := json.Marshal(flow)
	if err != nil {
		return Request{}, err
	}
	k, err := keysOf(keys[0], browser)
	if err != nil {
		return Request{}, err
	}
	r, err := k.request(flow.ID)
	r.State = base64.RawURLEncoding.EncodeToString(k.seal.Seal(nil, nil, text, nil))
	return r, err
}

// End opens a flow of this browser and provider that has not expired.
func (f Flows) End(browser, provider, state string) (Flow, Request, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil || len(state) > maxState {
		return Flow{}, Request{}, errNoFlow
	}
	for _, key := range f.Keys() {
		k, err := keysOf(key, browser)
		if err != nil {
			return Flow{}, Request{}, errNoFlow
		}
		text, err := k.seal.Open(nil, nil, sealed, nil)
		if err != nil {
			continue
		}
		var flow Flow
		if err := json.Unmarshal(text, &flow); err != nil || flow.Provider != provider || !f.Now().Before(time.Unix(flow.Expires, 0)) {
			return Flow{}, Request{}, errNoFlow
		}
		r, err := k.request(flow.ID)
		r.State = state
		return flow, r, err
	}
	return Flow{}, Request{}, errNoFlow
}

// flowKeys returns the keys of one browser.
type flowKeys struct {
	seal cipher.AEAD
	draw []byte
}

func keysOf(key []byte, browser string) (flowKeys, error) {
	secret, err := base64.RawURLEncoding.Strict().DecodeString(browser)
	if err != nil || len(secret) != browserBytes {
		return flowKeys{}, ErrBrowser
	}
	sealing, err := hkdf.Key(sha256.New, key, secret, "hasura-login provider flow", 32)
	if err != nil {
		return flowKeys{}, err
	}
	draw, err := hkdf.Key(sha256.New, key, secret, "hasura-login provider nonce and verifier", 32)
	if err != nil {
		return flowKeys{}, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return flowKeys{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return flowKeys{aead, draw}, err
}

// request derives the nonce and the verifier of a flow, so that they need not be
// stored.
func (k flowKeys) request(id []byte) (Request, error) {
	drawn, err := hkdf.Expand(sha256.New, k.draw, string(id), 64)
	if err != nil {
		return Request{}, err
	}
	encode := base64.RawURLEncoding.EncodeToString
	return Request{Nonce: encode(drawn[:32]), Verifier: encode(drawn[32:])}, nil
}
