package token

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	keyFileVersion  = 1
	keyFileMaxBytes = 16 << 10
	keyFileSuffix   = ".json"
	kidLength       = 16
	maxTokenLife    = 31 * 24 * time.Hour
)

// keyFile is a key as it is stored. It is written once and never changed: retirement
// and deletion follow from the files of its successors and the clock.
type keyFile struct {
	Version     int       `json:"version"`
	KID         string    `json:"kid"`
	Algorithm   Algorithm `json:"alg"`
	Sequence    uint64    `json:"sequence"`
	PublishedAt time.Time `json:"published_at"`
	ActiveFrom  time.Time `json:"active_from"`
	TokenLife   seconds   `json:"token_life_seconds"`
	PrivateKey  string    `json:"private_key"` // PKCS#8 in PEM
}

// seconds is a duration that reads well in JSON.
type seconds float64

func inSeconds(d time.Duration) seconds { return seconds(d.Seconds()) }

func (s seconds) duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// key is a loaded, self-tested key.
type key struct {
	kid         string
	algorithm   Algorithm
	sequence    uint64 // breaks ties of activeFrom: the later made one wins
	publishedAt time.Time
	activeFrom  time.Time
	tokenLife   time.Duration // of the tokens it was made to sign
	private     crypto.Signer
	public      crypto.PublicKey
	encoded     []byte          // its file
	header      string          // JOSE header in base64url with the dot that follows it
	jwk         json.RawMessage // public half
}

// kidOf derives a key's name from its public half, so that a file cannot carry
// another key's name and two keys never share one.
func kidOf(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("encoding the public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])[:kidLength], nil
}

// isKeyFileName reports whether a file in the folder is meant to be a key.
func isKeyFileName(name string) bool {
	if len(name) != kidLength+len(keyFileSuffix) || name[kidLength:] != keyFileSuffix {
		return false
	}
	for _, c := range name[:kidLength] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// newKey makes a new key and checks that its file can be loaded again.
func newKey(a Algorithm, sequence uint64, publishedAt, activeFrom time.Time, life time.Duration) (*key, error) {
	private, err := a.generate()
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	kid, err := kidOf(private.Public())
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encoding the private key: %w", err)
	}
	encoded, err := json.MarshalIndent(keyFile{
		Version: keyFileVersion, KID: kid, Algorithm: a, Sequence: sequence,
		PublishedAt: publishedAt.UTC(), ActiveFrom: activeFrom.UTC(), TokenLife: inSeconds(life),
		PrivateKey: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the key file: %w", err)
	}
	return parseKeyFile(kid+keyFileSuffix, append(encoded, '\n'))
}

// parseKeyFile reads a key file strictly and tests the key. The errors never
// quote the content.
func parseKeyFile(name string, data []byte) (*key, error) {
	if len(data) > keyFileMaxBytes {
		return nil, fmt.Errorf("more than %d bytes", keyFileMaxBytes)
	}
	var f keyFile
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return nil, errors.New("not a complete key file in JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the key")
	}
	if err := f.checkFields(name); err != nil {
		return nil, err
	}
	private, err := f.privateKey()
	if err != nil {
		return nil, err
	}
	if kid, err := kidOf(private.Public()); err != nil || kid != f.KID {
		return nil, errors.New("kid does not belong to the key")
	}
	if err := f.Algorithm.selfTest(private); err != nil {
		return nil, err
	}
	k, err := f.key(private)
	if err != nil {
		return nil, err
	}
	k.encoded = data
	return k, nil
}

func (f keyFile) checkFields(name string) error {
	earliest, latest := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)
	_, algorithmErr := ParseAlgorithm(string(f.Algorithm))
	switch {
	case f.Version != keyFileVersion:
		return fmt.Errorf("key file of version %d; known is %d", f.Version, keyFileVersion)
	case !isKeyFileName(name) || f.KID != name[:kidLength]:
		return errors.New("file name is not the key's kid")
	case algorithmErr != nil:
		return errors.New("alg is not one of the known algorithms")
	case f.Sequence == 0:
		return errors.New("sequence is missing")
	case f.PublishedAt.Before(earliest) || f.ActiveFrom.Before(f.PublishedAt) || f.ActiveFrom.After(latest):
		return errors.New("published_at or active_from is missing or makes no sense")
	case f.TokenLife <= 0 || float64(f.TokenLife) > maxTokenLife.Seconds():
		return errors.New("token_life_seconds is missing or makes no sense")
	}
	return nil
}

func (f keyFile) privateKey() (crypto.Signer, error) {
	block, rest := pem.Decode([]byte(f.PrivateKey))
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("private_key is not one PKCS#8 PEM block")
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("private_key is not a PKCS#8 key")
	}
	return f.Algorithm.fits(private)
}

// encodeHeader makes the JOSE header in base64url with the dot that follows it.
func encodeHeader(a Algorithm, kid string) (string, error) {
	header, err := json.Marshal(struct {
		Algorithm Algorithm `json:"alg"`
		KID       string    `json:"kid"`
		Type      string    `json:"typ"`
	}{a, kid, "JWT"})
	if err != nil {
		return "", fmt.Errorf("encoding the token header: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(header) + ".", nil
}

func (f keyFile) key(private crypto.Signer) (*key, error) {
	header, err := encodeHeader(f.Algorithm, f.KID)
	if err != nil {
		return nil, err
	}
	k := &key{
		kid: f.KID, algorithm: f.Algorithm, sequence: f.Sequence,
		publishedAt: f.PublishedAt, activeFrom: f.ActiveFrom, tokenLife: f.TokenLife.duration(),
		private: private, public: private.Public(),
		header: header,
	}
	k.jwk, err = encodeJWK(k)
	return k, err
}
