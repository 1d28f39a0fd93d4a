package totp_test

import (
	"bytes"
	"encoding/base32"
	"net/url"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"hasura-login/app/login"
	ours "hasura-login/app/totp"
)

var ann = login.User{ID: "0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d", Email: "ann@example.org"}

func keys(values ...string) func() []string { return func() []string { return values } }

// The SHA-1 vectors of RFC 6238, appendix B, cut to six digits, for the secret
// "12345678901234567890" of all of them.
func TestCheck_VectorsOfRFC6238(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	s := ours.New("login.example.org", keys("key-0123456789abcdef0123456789abcd"))
	sealed := ours.SealForTest(s, ann.ID, secret)
	for unix, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		for _, drift := range []time.Duration{-30 * time.Second, 0, 30 * time.Second} {
			step, err := s.Check(ann.ID, sealed, code, time.Unix(unix, 0).Add(drift))
			if err != nil || step != unix/30 {
				t.Errorf("%d, clock %s off: step %d, %v", unix, drift, step, err)
			}
		}
		for _, drift := range []time.Duration{-time.Minute, time.Minute} {
			if unix < 120 && drift < 0 {
				continue // there is no time step before the first
			}
			if step, err := s.Check(ann.ID, sealed, code, time.Unix(unix, 0).Add(drift)); step != 0 || err != nil {
				t.Errorf("%d, clock %s off: step %d, %v", unix, drift, step, err)
			}
		}
	}
}

func TestCheck_WhatIsNoCode(t *testing.T) {
	s := ours.New("login.example.org", keys("key-0123456789abcdef0123456789abcd"))
	secret, _, sealed, err := s.New(ann)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	right, err := totp.GenerateCode(secret, now)
	if err != nil {
		t.Fatal(err)
	}
	if step, err := s.Check(ann.ID, sealed, right[:3]+" "+right[3:], now); step == 0 || err != nil {
		t.Errorf("with a blank, as apps show it: %d, %v", step, err)
	}
	for _, code := range []string{"", "0", right[:5], right + "0", "-" + right, "abcdef", "٠١٢٣٤٥", right + "\x00"} {
		if step, err := s.Check(ann.ID, sealed, code, now); step != 0 || err != nil {
			t.Errorf("%q: %d, %v", code, step, err)
		}
	}
}

func TestNew_TellsAppsWhatTheyNeed(t *testing.T) {
	s := ours.New("https://login.example.org", keys("key-0123456789abcdef0123456789abcd"))
	secret, uri, sealed, err := s.New(ann)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != secret || u.Query().Get("digits") != "6" || u.Query().Get("period") != "30" {
		t.Errorf("%s: %v", uri, err)
	}
	if len(secret) != 32 || bytes.Contains(sealed, []byte(secret)) {
		t.Errorf("a secret of %d letters, sealed %q", len(secret), sealed)
	}
	again, _, other, err := s.New(ann)
	if err != nil || again == secret || bytes.Equal(sealed, other) {
		t.Errorf("drawn twice: %v", err)
	}
}

func TestSealed_OpensForItsUserAndByItsKeyAlone(t *testing.T) {
	const first, second = "first-0123456789abcdef0123456789abc", "second-0123456789abcdef0123456789ab"
	secret, _, sealed, err := ours.New("x", keys(first)).New(ann)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	code, err := totp.GenerateCode(secret, now)
	if err != nil {
		t.Fatal(err)
	}
	if step, err := ours.New("x", keys(second, first)).Check(ann.ID, sealed, code, now); step == 0 || err != nil {
		t.Errorf("while the key rotates: %d, %v", step, err)
	}
	damaged := bytes.Clone(sealed)
	damaged[len(damaged)-1] ^= 1
	for name, c := range map[string]struct {
		keys   func() []string
		user   string
		sealed []byte
	}{
		"another key":   {keys(second), ann.ID, sealed},
		"no key":        {keys(), ann.ID, sealed},
		"another user":  {keys(first), "another", sealed},
		"damaged":       {keys(first), ann.ID, damaged},
		"cut":           {keys(first), ann.ID, sealed[:6]},
		"nothing":       {keys(first), ann.ID, nil},
		"only a key id": {keys(first), ann.ID, sealed[:4]},
	} {
		if step, err := ours.New("x", c.keys).Check(c.user, c.sealed, code, now); err == nil {
			t.Errorf("%s: opened, step %d", name, step)
		}
	}
}

func TestReseal_BringsTheFirstKey(t *testing.T) {
	const first, second = "first-0123456789abcdef0123456789abc", "second-0123456789abcdef0123456789ab"
	secret, _, sealed, err := ours.New("x", keys(first)).New(ann)
	if err != nil {
		t.Fatal(err)
	}
	rotating := ours.New("x", keys(second, first))
	renewed, changed, err := rotating.Reseal(ann.ID, sealed)
	if err != nil || !changed {
		t.Fatalf("changed: %t, %v", changed, err)
	}
	if _, changed, err := rotating.Reseal(ann.ID, renewed); changed || err != nil {
		t.Errorf("a second time: %t, %v", changed, err)
	}
	now := time.Now()
	code, err := totp.GenerateCode(secret, now)
	if err != nil {
		t.Fatal(err)
	}
	if step, err := ours.New("x", keys(second)).Check(ann.ID, renewed, code, now); step == 0 || err != nil {
		t.Errorf("by the new key alone: %d, %v", step, err)
	}
}

func FuzzCheck(f *testing.F) {
	s := ours.New("x", keys("key-0123456789abcdef0123456789abcd"))
	_, _, sealed, err := s.New(ann)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, "123456")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, stored []byte, code string) {
		if _, err := s.Check(ann.ID, sealed, code, time.Unix(1e9, 0)); err != nil {
			t.Errorf("%q: %v", code, err)
		}
		_, _ = s.Check(ann.ID, stored, code, time.Unix(1e9, 0))
	})
}
