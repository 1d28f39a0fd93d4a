package webauthn_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/webauthn"
	"hasura-login/app/webauthn/webauthntest"
)

const origin = "https://login.example.org"

var (
	secrets   = [][]byte{[]byte("server-secret-0123456789abcdef01")}
	challenge = bytes.Repeat([]byte{7}, 32)
	handle    = bytes.Repeat([]byte{9}, 64)
	ann       = login.User{Email: "ann@example.org", Name: "Ann"}
)

func ceremonies(t testing.TB) *webauthn.Ceremonies {
	t.Helper()
	c, err := webauthn.New(webauthn.RelyingParty{ID: "example.org", Name: "Example", Origins: []string{origin}}, func() [][]byte { return secrets })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// created has the authenticator make a passkey.
func created(t testing.TB, c *webauthn.Ceremonies, a *webauthntest.Authenticator) (login.Passkey, error) {
	t.Helper()
	options, err := c.CreationOptions(challenge, handle, ann, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := c.Created(answer)
	if err != nil {
		return login.Passkey{}, err
	}
	if !bytes.Equal(parsed.Challenge, challenge) {
		t.Errorf("challenge %x", parsed.Challenge)
	}
	return parsed.Check(challenge, handle)
}

func used(t testing.TB, c *webauthn.Ceremonies, a *webauthntest.Authenticator, p login.Passkey) (login.PasskeyUse, error) {
	t.Helper()
	options, err := c.RequestOptions(challenge, []login.Passkey{p})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := c.Used(answer)
	if err != nil {
		return login.PasskeyUse{}, err
	}
	return parsed.Check(challenge, handle, p)
}

func TestOptions_DemandVerificationAndDiscoverability(t *testing.T) {
	c := ceremonies(t)
	known := []login.Passkey{{CredentialID: []byte("known"), Transports: []string{"internal"}}}
	creation, err := c.CreationOptions(challenge, handle, ann, known)
	if err != nil {
		t.Fatal(err)
	}
	request, err := c.RequestOptions(challenge, nil)
	if err != nil {
		t.Fatal(err)
	}
	encoded := base64.RawURLEncoding.EncodeToString
	for text, parts := range map[string][]string{
		string(creation): {
			`"attestation":"none"`, `"residentKey":"required"`, `"requireResidentKey":true`, `"userVerification":"required"`,
			`"challenge":"` + encoded(challenge) + `"`, `"id":"` + encoded(handle) + `"`, `"rp":{"name":"Example","id":"example.org"}`,
			`"excludeCredentials":[{"type":"public-key","id":"` + encoded([]byte("known")) + `","transports":["internal"]}]`, `"timeout":300000`,
		},
		string(request): {`"userVerification":"required"`, `"rpId":"example.org"`, `"challenge":"` + encoded(challenge) + `"`},
	} {
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%s lacks %s", text, part)
			}
		}
	}
	if strings.Contains(string(request), "allowCredentials") {
		t.Errorf("the request names credentials: %s", request)
	}
}

func TestCreated_KeepsWhatTheAuthenticatorSays(t *testing.T) {
	a := webauthntest.New(origin)
	a.Flags |= webauthntest.BackupEligible | webauthntest.BackedUp
	a.Count, a.Transports = 3, []string{"internal", "hybrid", "made up"}
	p, err := created(t, ceremonies(t), a)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.CredentialID, a.CredentialID) || p.SignCount != 3 || !p.BackupEligible || !p.BackedUp ||
		strings.Join(p.Transports, " ") != "hybrid internal" || p.AAGUID != "00000000-0000-0000-0000-000000000000" {
		t.Errorf("%+v", p)
	}
}

func TestCreated_RefusesWhatProvesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(a *webauthntest.Authenticator)
		want   error
	}{
		"right":                    {func(*webauthntest.Authenticator) {}, nil},
		"self attestation, packed": {func(a *webauthntest.Authenticator) { a.Format = "packed" }, nil},
		"a port that says nothing": {func(a *webauthntest.Authenticator) { a.Origin += ":443" }, nil},
		"another format":           {func(a *webauthntest.Authenticator) { a.Format = "fido-u2f" }, login.ErrPasskeyRefused},
		"unknown format":           {func(a *webauthntest.Authenticator) { a.Format = "made-up" }, login.ErrPasskeyRefused},
		"wrong origin":             {func(a *webauthntest.Authenticator) { a.Origin = "https://login.example.com" }, login.ErrPasskeyRefused},
		"a longer host":            {func(a *webauthntest.Authenticator) { a.Origin = origin + ".evil.example" }, login.ErrPasskeyRefused},
		"plain http":               {func(a *webauthntest.Authenticator) { a.Origin = "http://login.example.org" }, login.ErrPasskeyRefused},
		"wrong RP id":              {func(a *webauthntest.Authenticator) { a.RPID = "example.com" }, login.ErrPasskeyRefused},
		"user not verified":        {func(a *webauthntest.Authenticator) { a.Flags = webauthntest.UserPresent }, login.ErrPasskeyRefused},
		"user not present":         {func(a *webauthntest.Authenticator) { a.Flags = webauthntest.UserVerified }, login.ErrPasskeyRefused},
		"backed up, not eligible":  {func(a *webauthntest.Authenticator) { a.Flags |= webauthntest.BackedUp }, login.ErrPasskeyRefused},
		"another ceremony":         {func(a *webauthntest.Authenticator) { a.Type = "webauthn.get" }, login.ErrPasskeyRefused},
	} {
		a := webauthntest.New(origin)
		c.change(a)
		_, err := created(t, ceremonies(t), a)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUsed_RefusesWhatProvesNothing(t *testing.T) {
	c := ceremonies(t)
	for name, test := range map[string]struct {
		change func(a *webauthntest.Authenticator, p *login.Passkey)
		want   error
	}{
		"right":              {func(*webauthntest.Authenticator, *login.Passkey) {}, nil},
		"wrong origin":       {func(a *webauthntest.Authenticator, _ *login.Passkey) { a.Origin = "https://evil.example" }, login.ErrPasskeyRefused},
		"wrong RP id":        {func(a *webauthntest.Authenticator, _ *login.Passkey) { a.RPID = "login.example.org" }, login.ErrPasskeyRefused},
		"user not verified":  {func(a *webauthntest.Authenticator, _ *login.Passkey) { a.Flags = webauthntest.UserPresent }, login.ErrPasskeyRefused},
		"no user handle":     {func(a *webauthntest.Authenticator, _ *login.Passkey) { a.NoHandle = true }, login.ErrPasskeyRefused},
		"another's handle":   {func(a *webauthntest.Authenticator, _ *login.Passkey) { a.Handle = bytes.Repeat([]byte{8}, 64) }, login.ErrPasskeyRefused},
		"another ceremony":   {func(a *webauthntest.Authenticator, _ *login.Passkey) { a.Type = "webauthn.create" }, login.ErrPasskeyRefused},
		"another credential": {func(_ *webauthntest.Authenticator, p *login.Passkey) { p.CredentialID = []byte("another") }, login.ErrPasskeyRefused},
		"became eligible":    {func(a *webauthntest.Authenticator, _ *login.Passkey) { a.Flags |= webauthntest.BackupEligible }, login.ErrPasskeyRefused},
		"another key": {func(_ *webauthntest.Authenticator, p *login.Passkey) {
			other, err := created(t, c, webauthntest.New(origin))
			if err != nil {
				t.Fatal(err)
			}
			p.PublicKey = other.PublicKey
		}, login.ErrPasskeyRefused},
		"a damaged key": {func(_ *webauthntest.Authenticator, p *login.Passkey) { p.PublicKey = p.PublicKey[:10] }, login.ErrPasskeyRefused},
	} {
		a := webauthntest.New(origin)
		p, err := created(t, c, a)
		if err != nil {
			t.Fatal(err)
		}
		test.change(a, &p)
		use, err := used(t, c, a, p)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && use.SignCount != 1 {
			t.Errorf("%s: counter %d", name, use.SignCount)
		}
	}
}

func TestUsed_RefusesAnotherChallenge(t *testing.T) {
	c, a := ceremonies(t), webauthntest.New(origin)
	p, err := created(t, c, a)
	if err != nil {
		t.Fatal(err)
	}
	options, _ := c.RequestOptions(challenge, nil)
	answer, _ := a.Get(options)
	parsed, err := c.Used(answer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Check(bytes.Repeat([]byte{6}, 32), handle, p); !errors.Is(err, login.ErrPasskeyRefused) {
		t.Error(err)
	}
}

func TestAnswers_ThatAreNoneAreMalformed(t *testing.T) {
	c, a := ceremonies(t), webauthntest.New(origin)
	options, _ := c.CreationOptions(challenge, handle, ann, nil)
	creation, _ := a.Create(options)
	request, _ := c.RequestOptions(challenge, nil)
	assertion, _ := a.Get(request)
	with := func(answer []byte, path string, value any) []byte {
		var object map[string]any
		if err := json.Unmarshal(answer, &object); err != nil {
			t.Fatal(err)
		}
		target := object
		if name, ok := strings.CutPrefix(path, "response."); ok {
			target, path = object["response"].(map[string]any), name
		}
		target[path] = value
		changed, _ := json.Marshal(object)
		return changed
	}
	encoded := base64.RawURLEncoding.EncodeToString
	clientData := func(challenge string) string {
		return encoded([]byte(`{"type":"webauthn.get","challenge":"` + challenge + `"}`))
	}
	for name, answer := range map[string][]byte{
		"nothing": nil, "no JSON": []byte("x"), "null": []byte("null"), "empty": []byte("{}"), "a list": []byte("[]"),
		"two values":             append(bytes.Clone(assertion), "{}"...),
		"another type":           with(assertion, "type", "password"),
		"ids that differ":        with(assertion, "rawId", "AAAA"),
		"short authData":         with(assertion, "response.authenticatorData", "AAAA"),
		"client data of no JSON": with(assertion, "response.clientDataJSON", "AAAA"),
		"a challenge in base64":  with(assertion, "response.clientDataJSON", clientData("a+b/")),
		"no base64url":           with(assertion, "response.signature", "a b"),
		"authData and more":      with(assertion, "response.authenticatorData", encoded(bytes.Repeat([]byte{0}, 60))),
	} {
		if _, err := c.Used(answer); !errors.Is(err, login.ErrPasskeyAnswer) {
			t.Errorf("used, %s: %v", name, err)
		}
	}
	deep := bytes.Repeat([]byte{0x81}, 2000)
	for name, answer := range map[string][]byte{
		"nothing": nil, "empty": []byte("{}"),
		"an attestation of no CBOR":  with(creation, "response.attestationObject", "AAAA"),
		"CBOR as deep as it is long": with(creation, "response.attestationObject", encoded(append(deep, 0))),
		"a list of 2^32 members":     with(creation, "response.attestationObject", encoded([]byte{0x9a, 0xff, 0xff, 0xff, 0xff})),
		"a text of 2^60 bytes":       with(creation, "response.attestationObject", encoded([]byte{0x7b, 0x10, 0, 0, 0, 0, 0, 0, 0})),
		"indefinite length":          with(creation, "response.attestationObject", encoded([]byte{0xbf, 0xff})),
	} {
		if _, err := c.Created(answer); !errors.Is(err, login.ErrPasskeyAnswer) {
			t.Errorf("created, %s: %v", name, err)
		}
	}
}

func TestChallenge_IsGoodForItsTimeAndFromHereOnly(t *testing.T) {
	c, now := ceremonies(t), time.Now()
	fresh, err := c.NewChallenge(now)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.ChallengeExpires(fresh, now); !ok {
		t.Error("refused a fresh challenge")
	}
	if _, ok := c.ChallengeExpires(fresh, now.Add(login.ChallengeLife-2*time.Second)); !ok {
		t.Error("refused it within its time")
	}
	if _, ok := c.ChallengeExpires(fresh, now.Add(login.ChallengeLife)); ok {
		t.Error("took it after its time")
	}
	second, _ := c.NewChallenge(now)
	if bytes.Equal(fresh, second) {
		t.Error("two challenges are one")
	}
	for i := range fresh {
		forged := bytes.Clone(fresh)
		forged[i] ^= 1
		if _, ok := c.ChallengeExpires(forged, now); ok {
			t.Errorf("took a challenge whose byte %d was changed", i)
		}
	}
	for _, other := range [][]byte{nil, fresh[:40], append(bytes.Clone(fresh), 0)} {
		if _, ok := c.ChallengeExpires(other, now); ok {
			t.Errorf("took %x", other)
		}
	}
}

// During a rotation of the secret the old one stays valid for a while, so no sign-in is
// interrupted.
func TestChallenge_OutlivesARotationOfTheSecret(t *testing.T) {
	now, valid := time.Now(), secrets
	c, err := webauthn.New(webauthn.RelyingParty{ID: "example.org", Name: "Example", Origins: []string{origin}}, func() [][]byte { return valid })
	if err != nil {
		t.Fatal(err)
	}
	fresh, _ := c.NewChallenge(now)
	valid = [][]byte{[]byte("another-secret-0123456789abcdef0"), secrets[0]}
	if _, ok := c.ChallengeExpires(fresh, now); !ok {
		t.Error("refused while the old secret is good")
	}
	valid = valid[:1]
	if _, ok := c.ChallengeExpires(fresh, now); ok {
		t.Error("took it after the old secret")
	}
	valid = nil
	if _, err := c.NewChallenge(now); err == nil {
		t.Error("sealed with nothing")
	}
}

func TestNew_RefusesWhatABrowserWould(t *testing.T) {
	for name, rp := range map[string]webauthn.RelyingParty{
		"right":              {ID: "example.org", Origins: []string{origin}},
		"the host itself":    {ID: "login.example.org", Origins: []string{origin, "https://app.login.example.org:8443"}},
		"localhost":          {ID: "localhost", Origins: []string{"http://localhost:3000"}},
		"! no id":            {Origins: []string{origin}},
		"! no origin":        {ID: "example.org"},
		"! an IPv4 address":  {ID: "192.0.2.1", Origins: []string{"https://192.0.2.1"}},
		"! an IPv6 address":  {ID: "::1", Origins: []string{"https://[::1]"}},
		"! a top-level name": {ID: "org", Origins: []string{origin}},
		"! another domain":   {ID: "example.com", Origins: []string{origin}},
		"! half a label":     {ID: "ple.org", Origins: []string{origin}},
		"! one of two":       {ID: "example.org", Origins: []string{origin, "https://example.com"}},
		"! below the host":   {ID: "sub.login.example.org", Origins: []string{origin}},
		"! plain http":       {ID: "example.org", Origins: []string{"http://login.example.org"}},
		"! any label":        {ID: "example.org", Origins: []string{"https://*.example.org"}},
		"! a path":           {ID: "example.org", Origins: []string{origin + "/auth"}},
		"! a URL as id":      {ID: "https://example.org", Origins: []string{origin}},
		"! a port in the id": {ID: "example.org:443", Origins: []string{origin}},
		"! upper case":       {ID: "Example.org", Origins: []string{origin}},
	} {
		rp.Name = "Example"
		_, err := webauthn.New(rp, func() [][]byte { return secrets })
		if wrong := strings.HasPrefix(name, "!"); wrong != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUsed(f *testing.F) {
	c, a := ceremonies(f), webauthntest.New(origin)
	p, err := created(f, c, a)
	if err != nil {
		f.Fatal(err)
	}
	options, _ := c.RequestOptions(challenge, nil)
	answer, _ := a.Get(options)
	f.Add(answer)
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		parsed, err := c.Used(answer)
		if err != nil {
			if !errors.Is(err, login.ErrPasskeyAnswer) {
				t.Fatal(err)
			}
			return
		}
		if _, err := parsed.Check(bytes.Repeat([]byte{6}, 32), handle, p); err == nil {
			t.Fatal("took an answer to another challenge")
		}
	})
}

func FuzzCreated(f *testing.F) {
	c := ceremonies(f)
	for _, format := range []string{"none", "packed"} {
		a := webauthntest.New(origin)
		a.Format = format
		options, _ := c.CreationOptions(challenge, handle, ann, nil)
		answer, _ := a.Create(options)
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		parsed, err := c.Created(answer)
		if err != nil {
			if !errors.Is(err, login.ErrPasskeyAnswer) {
				t.Fatal(err)
			}
			return
		}
		if _, err := parsed.Check(bytes.Repeat([]byte{6}, 32), handle); err == nil {
			t.Fatal("took an answer to another challenge")
		}
	})
}

// FuzzAttestation feeds the CBOR decoders directly, without the JSON around them.
func FuzzAttestation(f *testing.F) {
	c, a := ceremonies(f), webauthntest.New(origin)
	options, _ := c.CreationOptions(challenge, handle, ann, nil)
	answer, _ := a.Create(options)
	var object struct {
		ID       string
		Response struct{ ClientDataJSON, AttestationObject string }
	}
	if err := json.Unmarshal(answer, &object); err != nil {
		f.Fatal(err)
	}
	seed, _ := base64.RawURLEncoding.DecodeString(object.Response.AttestationObject)
	f.Add(seed)
	f.Fuzz(func(t *testing.T, attestation []byte) {
		answer, _ := json.Marshal(map[string]any{
			"id": object.ID, "rawId": object.ID, "type": "public-key",
			"response": map[string]any{"clientDataJSON": object.Response.ClientDataJSON, "attestationObject": base64.RawURLEncoding.EncodeToString(attestation)},
		})
		parsed, err := c.Created(answer)
		if err != nil {
			return
		}
		p, err := parsed.Check(challenge, handle)
		if err == nil && !bytes.Equal(p.CredentialID, a.CredentialID) {
			t.Fatal("took another credential than was created")
		}
	})
}
