package transfer_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/logintest"
	"hasura-login/app/transfer"
)

// everyKind has an account of each kind that an export can contain.
const everyKind = `{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c01","email":"argon@example.org","name":"Ann","identities":[{"provider":"google","issuer":"https://accounts.google.com","subject":"1234"}],"passwordHash":"$argon2id$v=19$m=7168,t=5,p=1$Cf9AYCE5pAbb4CKEF0GUTA$BruFLfFkjH/8erZ26NnrbkOrWiZuQyDRCHD9o0R6Scg","emailVerified":true,"emailVerifiedAt":"2023-04-05T06:07:08Z","createdAt":"2023-04-05T06:07:08Z"}
{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c02","email":"bcrypt@example.org","name":"Bob","passwordHash":"$2y$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve","disabled":true,"createdAt":"2023-04-05T06:07:08Z"}
{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c03","email":"none@example.org","name":"Cid","roles":["editor","user"],"defaultRole":"editor","claims":{"x-hasura-org-id":"7"},"createdAt":"2023-04-05T06:07:08Z","totpSecret":"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}
{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c04","email":"pbkdf2@example.org","name":"Dan","passwordHash":"$pbkdf2-sha256$i=27500,l=32$1jP+5Zxpxgtee/iPxGgOz0RfE9/KJuDElP1ley4VxXc$QJxzfvdbHYBpydCbHoFg3GJEqMFULwskiuqiJctoYpI","createdAt":"2023-04-05T06:07:08Z"}
{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c05","email":"phpass@example.org","name":"Eve","passwordHash":"$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0","createdAt":"2023-04-05T06:07:08Z"}
`

func (w *world) export(t *testing.T, to string) (string, transfer.Exported) {
	t.Helper()
	var out bytes.Buffer
	n, err := transfer.Export{Store: w.store, Secrets: logintest.OneTimePasswords}.Write(t.Context(), to, &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), n
}

func filled(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	if got := w.run(t, "ndjson", everyKind); got.Added != 5 {
		t.Fatalf("%+v, %v", got, w.findings)
	}
	return w
}

// An export can be imported unchanged, also into another installation.
func TestExport_ComesBackAsItWas(t *testing.T) {
	first, n := filled(t).export(t, "ndjson")
	if n != (transfer.Exported{Users: 5, NoPassword: 1}) {
		t.Errorf("%+v", n)
	}
	other := newWorld(t)
	if got := other.run(t, "ndjson", first); got.Added != 5 || got.Rejected > 0 {
		t.Fatalf("%+v, %v", got, other.findings)
	}
	second, _ := other.export(t, "ndjson")
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second export (-first +second):\n%s", diff)
	}
	if err := other.signIn("phpass@example.org", "test12345"); err != nil {
		t.Errorf("signing in there: %v", err)
	}
}

// keycloak.org, "Importing and exporting realms", and its PartialImportRepresentation:
// credentials are JSON in strings. An export for Keycloak can be imported here again.
func TestExport_ToKeycloakAndBack(t *testing.T) {
	file, n := filled(t).export(t, "keycloak")
	if n != (transfer.Exported{Users: 5, NoPassword: 2}) {
		t.Errorf("%+v", n)
	}
	var got struct {
		IfResourceExists string `json:"ifResourceExists"`
		Users            []struct {
			ID, Username, Email, FirstName string
			EmailVerified, Enabled         bool
			FederatedIdentities            []struct{ IdentityProvider, UserID string }
			CreatedTimestamp               int64
			Credentials                    []struct{ Type, SecretData, CredentialData string }
		}
	}
	decoder := json.NewDecoder(strings.NewReader(file))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	argon := got.Users[0]
	if argon.Username != "argon@example.org" || !argon.EmailVerified || !argon.Enabled || argon.CreatedTimestamp != 1680674828000 || got.Users[1].Enabled {
		t.Errorf("users: %+v", got.Users[:2])
	}
	want := `{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"parallelism":["1"],"type":["id"],"version":["1.3"]}}`
	if argon.Credentials[0].CredentialData != want || argon.Credentials[0].SecretData != `{"value":"BruFLfFkjH/8erZ26NnrbkOrWiZuQyDRCHD9o0R6Scg=","salt":"Cf9AYCE5pAbb4CKEF0GUTA=="}` {
		t.Errorf("credential: %+v", argon.Credentials[0])
	}
	if bcrypt := got.Users[1].Credentials[0]; bcrypt.CredentialData != `{"hashIterations":10,"algorithm":"bcrypt"}` {
		t.Errorf("bcrypt: %+v", bcrypt)
	}
	other := newWorld(t)
	if counts := other.run(t, "keycloak", file); counts.Added != 5 || counts.NoPassword != 2 {
		t.Fatalf("%+v, %v", counts, other.findings)
	}
	back, _ := other.export(t, "ndjson")
	for _, hash := range []string{"$argon2id$v=19$m=7168,t=5,p=1$Cf9AYCE5pAbb4CKEF0GUTA==$BruFLfFkjH/8erZ26NnrbkOrWiZuQyDRCHD9o0R6Scg=", bcryptOfTest, "$pbkdf2-sha256$i=27500$", `"subject":"1234"`, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"} {
		if !strings.Contains(back, hash) {
			t.Errorf("%s did not come back:\n%s", hash, back)
		}
	}
}

// supabase/auth, internal/api/admin.go: the fields of AdminUserParams. It takes bcrypt,
// argon2 and Firebase's scrypt (internal/crypto/password.go).
func TestExport_ToSupabase(t *testing.T) {
	file, n := filled(t).export(t, "supabase")
	if n != (transfer.Exported{Users: 5, NoPassword: 3}) {
		t.Errorf("%+v", n)
	}
	known := []string{"id", "aud", "role", "email", "phone", "password", "password_hash", "email_confirm", "phone_confirm", "user_metadata", "app_metadata", "ban_duration"}
	var hashes []string
	for line := range strings.Lines(file) {
		var user map[string]any
		if err := json.Unmarshal([]byte(line), &user); err != nil {
			t.Fatal(err)
		}
		for name := range user {
			if !slices.Contains(known, name) {
				t.Errorf("Supabase does not know %s", name)
			}
		}
		hash, _ := user["password_hash"].(string)
		hashes = append(hashes, hash[:min(4, len(hash))])
	}
	if diff := cmp.Diff([]string{"$arg", "$2y$", "", "", ""}, hashes); diff != "" {
		t.Errorf("hashes (-want +got):\n%s", diff)
	}
}

func TestExport_OfNobodyIsWhole(t *testing.T) {
	for to, want := range map[string]string{"ndjson": "", "supabase": "", "keycloak": "{\"ifResourceExists\":\"SKIP\",\"users\":[\n\n]}\n"} {
		if got, _ := newWorld(t).export(t, to); got != want {
			t.Errorf("%s: %q", to, got)
		}
	}
}
