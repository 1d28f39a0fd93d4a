package token

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/MicahParks/jwkset"
)

// encodeJWK encodes the public half of a key.
func encodeJWK(k *key) (json.RawMessage, error) {
	jwk, err := jwkset.NewJWKFromKey(k.public, jwkset.JWKOptions{
		Metadata: jwkset.JWKMetadataOptions{ALG: jwkset.ALG(k.algorithm), KID: k.kid, USE: jwkset.UseSig},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the public key: %w", err)
	}
	encoded, err := json.Marshal(jwk.Marshal())
	if err != nil {
		return nil, fmt.Errorf("encoding the public key: %w", err)
	}
	return encoded, nil
}

// encodeJWKS encodes the set and reads it back before anyone else does: one
// malformed key makes Hasura refuse the whole set.
func encodeJWKS(keys []*key) ([]byte, error) {
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: make([]json.RawMessage, 0, len(keys))}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.jwk)
	}
	encoded, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("encoding the key set: %w", err)
	}
	if err := checkJWKS(encoded, keys); err != nil {
		return nil, fmt.Errorf("checking the key set before publication: %w", err)
	}
	return encoded, nil
}

// checkJWKS checks that the encoded set holds exactly these public keys, each complete,
// with full-length coordinates, and no private part.
func checkJWKS(encoded []byte, want []*key) error {
	var set jwkset.JWKSMarshal
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&set); err != nil {
		return err
	}
	if len(set.Keys) == 0 || len(set.Keys) != len(want) {
		return fmt.Errorf("%d keys instead of %d", len(set.Keys), len(want))
	}
	parsed, err := set.JWKSlice()
	if err != nil {
		return err
	}
	seen := make(map[string]bool, len(want))
	for i, m := range set.Keys {
		if m.KID != want[i].kid || seen[m.KID] || m.ALG != jwkset.ALG(want[i].algorithm) || m.USE != jwkset.UseSig {
			return fmt.Errorf("kid, alg or use of key %d is wrong", i)
		}
		seen[m.KID] = true
		if m.D+m.P+m.Q+m.DP+m.DQ+m.QI+m.K != "" {
			return fmt.Errorf("key %s shows private members", m.KID)
		}
		if !fullLength(m) {
			return fmt.Errorf("key %s has a coordinate of wrong length", m.KID)
		}
		public, ok := parsed[i].Key().(interface{ Equal(crypto.PublicKey) bool })
		if !ok || !public.Equal(want[i].public) {
			return errors.New("a key does not read back as it was written")
		}
	}
	return nil
}

// fullLength checks what parsers repair tolerantly and Hasura does not:
// coordinates on these curves have 32 bytes, leading zeros included.
func fullLength(m jwkset.JWKMarshal) bool {
	coordinates := []string{m.X, m.Y}
	switch m.KTY {
	case jwkset.KtyRSA:
		return m.N != "" && m.E != ""
	case jwkset.KtyOKP:
		coordinates = coordinates[:1]
	}
	for _, c := range coordinates {
		if raw, err := base64.RawURLEncoding.DecodeString(c); err != nil || len(raw) != 32 {
			return false
		}
	}
	return true
}
