package device_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"hasura-login/app/device"
	"hasura-login/app/login"
)

var _ login.Devices = (*device.Tokens)(nil)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func devices(secrets ...string) *device.Tokens {
	return device.NewTokens(func() [][]byte {
		var out [][]byte
		for _, s := range secrets {
			out = append(out, []byte(s))
		}
		return out
	})
}

func TestTokens_KnowADeviceForNinetyDays(t *testing.T) {
	d := devices("secret")
	token := d.Issue("ann@example.org", "ann/1", noon.Add(login.DeviceLifetime))
	id := d.Check("ann@example.org", token, noon)
	if id == "" {
		t.Fatal("a fresh token is not valid")
	}
	if got := d.Check("ann@example.org", token, noon.Add(login.DeviceLifetime-time.Second)); got != id {
		t.Errorf("just before its end the token gives %q, want %q", got, id)
	}
	if got := d.Check("ann@example.org", token, noon.Add(login.DeviceLifetime)); got != "" {
		t.Error("the token outlives its ninety days")
	}
	if other := d.Issue("ann@example.org", "ann/1", noon.Add(login.DeviceLifetime)); d.Check("ann@example.org", other, noon) == id {
		t.Error("two devices have one id")
	}
}

func TestTokens_AreBoundToTheAccountAndDoNotNameIt(t *testing.T) {
	d := devices("secret")
	token := d.Issue("ann@example.org", "ann/1", noon.Add(login.DeviceLifetime))
	if d.Check("bob@example.org", token, noon) != "" {
		t.Error("the token is valid for another account")
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "ann") {
		t.Error("the token holds the address")
	}
}

func TestTokens_AreOfOneVersionOfTheAccount(t *testing.T) {
	d := devices("secret")
	id := d.Check("ann@example.org", d.Issue("ann@example.org", "ann/1", noon.Add(login.DeviceLifetime)), noon)
	if !d.IssuedFor(id, "ann/1") {
		t.Error("not of the version that it was issued for")
	}
	for _, other := range []string{"ann/2", "bob/1", ""} {
		if d.IssuedFor(id, other) {
			t.Errorf("of the version %q too", other)
		}
	}
	for _, broken := range []string{"", "x", "!"} {
		if d.IssuedFor(broken, "ann/1") {
			t.Errorf("%q is a device", broken)
		}
	}
}

func TestTokens_SurviveARotationAndEndWithTheirSecret(t *testing.T) {
	token := devices("old").Issue("ann@example.org", "ann/1", noon.Add(login.DeviceLifetime))
	if devices("new", "old").Check("ann@example.org", token, noon) == "" {
		t.Error("forgotten during the rotation")
	}
	if devices("new").Check("ann@example.org", token, noon) != "" {
		t.Error("valid without its secret")
	}
	if fresh := devices("new", "old").Issue("ann@example.org", "ann/1", noon.Add(login.DeviceLifetime)); devices("new").Check("ann@example.org", fresh, noon) == "" {
		t.Error("not signed with the first secret")
	}
}

func TestTokens_WithoutASecretThereAreNone(t *testing.T) {
	for name, d := range map[string]*device.Tokens{"none": devices(), "empty": devices("")} {
		if token := d.Issue("ann@example.org", "ann/1", noon.Add(login.DeviceLifetime)); token != "" {
			t.Errorf("%s: issued %q", name, token)
		}
	}
	forged := devices("x").Issue("ann@example.org", "ann/1", noon.Add(login.DeviceLifetime))
	if devices("").Check("ann@example.org", forged, noon) != "" {
		t.Error("an empty secret verifies")
	}
}

func FuzzTokens_Check(f *testing.F) {
	d := devices("new", "old")
	expires := noon.Add(login.DeviceLifetime)
	ofNew, ofOld := d.Issue("ann@example.org", "ann/1", expires), devices("old").Issue("ann@example.org", "ann/1", expires)
	f.Add(ofNew)
	f.Add(ofOld)
	f.Add(ofNew + "=")
	f.Add(ofNew[:len(ofNew)-1] + "o")
	f.Add("")
	f.Add(strings.Repeat("A", len(ofNew)))
	f.Add(strings.Repeat("\n", len(ofNew)))
	f.Fuzz(func(t *testing.T, token string) {
		if d.Check("bob@example.org", token, noon) != "" {
			t.Fatalf("%q is valid for an account it was never issued to", token)
		}
		if d.Check("ann@example.org", token, noon) != "" && token != ofNew && token != ofOld {
			t.Fatalf("%q was never issued, yet is valid", token)
		}
	})
}

func BenchmarkDeviceTokens_Check(b *testing.B) {
	d := devices("secret")
	token := d.Issue("ann@example.org", "ann/1", noon.Add(login.DeviceLifetime))
	b.ReportAllocs()
	for b.Loop() {
		d.Check("ann@example.org", token, noon)
	}
}
