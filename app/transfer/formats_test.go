package transfer_test

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hasura-login/app/login"
	"hasura-login/app/transfer"
)

const firebaseParameters = `hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}`

// all reads a file to its end.
func all(t *testing.T, format, file string) []transfer.Row {
	t.Helper()
	in, err := transfer.Open(format, strings.NewReader(file), transfer.Options{FirebaseParameters: firebaseParameters})
	if err != nil {
		t.Fatal(err)
	}
	var rows []transfer.Row
	for {
		row, err := in.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
}

const bcryptOfTest = "$2y$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve"

const coseKey = "pQECAyYgASFYIBkNvUxvjdhuA36FworTmS/rxZR1I+NyRWBpoTYY/R+CIlggw+gFFrFoEi+rS82zq7+tDHAukBUJcFpQ7Z3NLBZH5vk="

func bytesOf(base64Text string) []byte {
	b, err := base64.StdEncoding.DecodeString(base64Text)
	if err != nil {
		panic(err)
	}
	return b
}

// kratosWith is an identity with one WebAuthn credential.
func kratosWith(kind, identifiers, flags string) string {
	return `{"traits":{"email":"ann@example.org"},"credentials":{"` + kind + `":{"type":"` + kind + `","identifiers":[` + identifiers + `],"config":{"credentials":[{"added_at":"2023-04-05T06:07:08Z","attestation_type":"none","authenticator":{"aaguid":"+/wwBxVOTsyMC24CBVfXvQ==","clone_warning":false,"sign_count":7},"display_name":"Yubikey","id":"f2uGd/Bg1rGcGXtYp4MT4WcN+eA=","is_passwordless":true,` + flags + `"public_key":"` + coseKey + `","transport":["internal"]}],"user_handle":"aDE="}}}}`
}

// Samples have the form of the system's documentation or source.
func TestOpen_ReadsEachFormat(t *testing.T) {
	day := time.Date(2023, 4, 5, 6, 7, 8, 0, time.UTC)
	cases := map[string]struct {
		format, file string
		want         login.ImportRecord
	}{
		"generic": {"ndjson",
			`{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d","email":"ann@example.org","name":"Ann","passwordHash":"$2a$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve","emailVerified":true,"roles":["editor"],"claims":{"x-hasura-org-id":"7"},"createdAt":"2023-04-05T06:07:08Z","totpSecret":"JBSWY3DPEHPK3PXP","identities":[{"provider":"google","subject":"1234"}]}`,
			login.ImportRecord{
				ID: "0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d", Email: "ann@example.org", Name: "Ann", PasswordHash: "$2b$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve",
				EmailVerified: true, Roles: []string{"editor"}, Claims: map[string]string{"x-hasura-org-id": "7"}, CreatedAt: day, TOTPSecret: "JBSWY3DPEHPK3PXP",
				Identities: []login.ImportIdentity{{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1234"}},
			}},
		// nhost/hasura-auth, go/migrations/postgres/00001_create-initial-tables.up.sql
		"hasura-auth": {"nhost",
			`{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d","created_at":"2023-04-05T06:07:08+00:00","updated_at":"2023-04-05T06:07:08+00:00","last_seen":null,"disabled":true,"display_name":"Ann","avatar_url":"","locale":"en","email":"ann@example.org","phone_number":null,"password_hash":"` + bcryptOfTest + `","email_verified":true,"default_role":"user","is_anonymous":false,"totp_secret":"JBSWY3DPEHPK3PXP","active_mfa_type":"totp","metadata":{},"roles":["user","me"],"providers":[{"provider_id":"github","provider_user_id":"77"}],"security_keys":[{"credential_id":"abc"}]}`,
			login.ImportRecord{
				ID: "0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d", Email: "ann@example.org", Name: "Ann", PasswordHash: bcryptOfTest, EmailVerified: true, Disabled: true,
				Roles: []string{"user", "me"}, DefaultRole: "user", CreatedAt: day, TOTPSecret: "JBSWY3DPEHPK3PXP",
				Identities: []login.ImportIdentity{{Provider: "github", Issuer: "https://github.com", Subject: "77"}}, Left: []string{"security keys (1)"},
			}},
		// supabase/auth, internal/models/user.go, identity.go and factor.go
		"Supabase": {"supabase",
			`{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d","aud":"authenticated","role":"authenticated","email":"ann@example.org","encrypted_password":"` + bcryptOfTest + `","email_confirmed_at":"2023-04-05T06:07:08+00:00","banned_until":null,"deleted_at":null,"is_anonymous":false,"phone":null,"created_at":"2023-04-05T06:07:08+00:00","raw_user_meta_data":{"full_name":"Ann"},"identities":[{"provider":"email","provider_id":"x","identity_data":{"sub":"x"}},{"provider":"google","provider_id":"1234","identity_data":{"sub":"1234"}}],"mfa_factors":[{"factor_type":"totp","status":"verified","secret":"JBSWY3DPEHPK3PXP"},{"factor_type":"totp","status":"unverified","secret":"AAAA"}]}`,
			login.ImportRecord{
				ID: "0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d", Email: "ann@example.org", Name: "Ann", PasswordHash: bcryptOfTest, EmailVerified: true, EmailVerifiedAt: day,
				CreatedAt: day, TOTPSecret: "JBSWY3DPEHPK3PXP", Identities: []login.ImportIdentity{{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1234"}},
			}},
		// firebase.google.com/docs/cli/auth, the JSON file format; hash of github.com/firebase/scrypt
		"Firebase": {"firebase",
			`{"users": [{"localId": "kYi4EvWQlQTKSfnJ3dRSP6IH3ed2", "email": "user1@test.com", "emailVerified": false, "passwordHash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==", "salt": "42xEC+ixf3L2lw==", "displayName": "Test User 1", "createdAt": "1680674828000", "providerUserInfo": [{"providerId": "google.com", "rawId": "1234"}]}]}`,
			login.ImportRecord{
				ID: "kYi4EvWQlQTKSfnJ3dRSP6IH3ed2", Email: "user1@test.com", Name: "Test User 1", CreatedAt: day,
				PasswordHash: "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
				Identities:   []login.ImportIdentity{{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1234"}},
			}},
		// auth0.com/docs, "Export data": a line of the export with hashes that support makes
		"Auth0": {"auth0",
			`{"_id":{"$oid":"60425dc43519d90068f82973"},"email_verified":false,"email":"test2@example.com","passwordHash":"$2b$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve","password_set_date":{"$date":"2021-03-05T16:35:16.775Z"},"tenant":"test","connection":"Username-Password-Authentication","_tmp_is_unique":true}`,
			login.ImportRecord{ID: "auth0|60425dc43519d90068f82973", Email: "test2@example.com", PasswordHash: "$2b$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve"}},
		"Auth0 with a profile": {"auth0",
			`{"user_id":"auth0|1","email":"ann@example.org","email_verified":true,"name":"ann@example.org","given_name":"Ann","family_name":"Lang","nickname":"al","blocked":true,"created_at":"2023-04-05T06:07:08.000Z","identities":[{"provider":"auth0","user_id":"1"},{"provider":"google-oauth2","user_id":"1234","isSocial":true}]}`,
			login.ImportRecord{ID: "auth0|1", Email: "ann@example.org", Name: "Ann Lang", EmailVerified: true, Disabled: true, CreatedAt: day, Identities: []login.ImportIdentity{{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1234"}}}},
		// ory/kratos, identity/identity.go; hash of hash/hasher_test.go, with N where a PHC string has its logarithm
		"Kratos": {"kratos",
			`[{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d","schema_id":"default","state":"active","traits":{"email":"ann@example.org","name":{"first":"Ann","last":"Lang"}},"verifiable_addresses":[{"value":"ann@example.org","verified":true,"via":"email","verified_at":"2023-04-05T06:07:08Z"}],"credentials":{"password":{"type":"password","identifiers":["ann@example.org"],"config":{"hashed_password":"$scrypt$ln=16384,r=8,p=1$2npRo7P03Mt8keSoMbyD/tKFWyUzjiQf2svUaNDSrhA=$MiCzNcIplSMqSBrm4HckjYqYhaVPPjTARTzwB1cVNYE="}},"totp":{"config":{"totp_url":"otpauth://totp/Kratos:ann@example.org?algorithm=SHA1&digits=6&issuer=Kratos&period=30&secret=JBSWY3DPEHPK3PXP"}}},"created_at":"2023-04-05T06:07:08Z"}]`,
			login.ImportRecord{
				ID: "0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d", Email: "ann@example.org", Name: "Ann Lang", EmailVerified: true, EmailVerifiedAt: day, CreatedAt: day, TOTPSecret: "JBSWY3DPEHPK3PXP",
				PasswordHash: "$scrypt$ln=14,r=8,p=1$2npRo7P03Mt8keSoMbyD/tKFWyUzjiQf2svUaNDSrhA=$MiCzNcIplSMqSBrm4HckjYqYhaVPPjTARTzwB1cVNYE=",
			}},
		// ory/kratos, identity/credentials_webauthn.go, x/webauthnx; key of persistence/sql/identity/persister_identity_test
		"Kratos with a passkey": {"kratos",
			kratosWith("passkey", `"h1"`, `"flags":{"user_present":true,"user_verified":true,"backup_eligible":true,"backup_state":false},`),
			login.ImportRecord{Email: "ann@example.org", UserHandle: []byte("h1"), Passkeys: []login.Passkey{{
				CredentialID: bytesOf("f2uGd/Bg1rGcGXtYp4MT4WcN+eA="), PublicKey: bytesOf(coseKey), AAGUID: "fbfc3007-154e-4ecc-8c0b-6e020557d7bd", SignCount: 7,
				BackupEligible: true, Transports: []string{"internal"}, Name: "Yubikey", CreatedAt: day,
			}}}},
		"Kratos with a passkey that did not verify its user": {"kratos",
			kratosWith("passkey", `"h1"`, `"flags":{"user_present":true,"user_verified":false},`),
			login.ImportRecord{Email: "ann@example.org", UserHandle: []byte("h1"), Left: []string{"a passkey whose record does not tell that it verified its user"}}},
		"Kratos with a passkey of an early release": {"kratos", kratosWith("passkey", `"h1"`, ""),
			login.ImportRecord{Email: "ann@example.org", UserHandle: []byte("h1"), Left: []string{"a passkey whose record does not tell that it verified its user"}}},
		"Kratos with several user handles": {"kratos",
			kratosWith("passkey", `"h0","h1"`, `"flags":{"user_verified":true},`),
			login.ImportRecord{Email: "ann@example.org", UserHandle: []byte("h1"), Left: []string{"passkeys (1), because the record does not tell which user handle belongs to which"}}},
		"Kratos with a security key": {"kratos", kratosWith("webauthn", `"ann@example.org"`, `"flags":{"user_verified":true},`),
			login.ImportRecord{Email: "ann@example.org", Left: []string{"credentials of the kind webauthn"}}},
		"generic with passkeys": {"ndjson",
			`{"email":"ann@example.org","userHandle":"aDE=","passkeys":[{"credentialId":"aWQ=","publicKey":"` + coseKey + `","signCount":7,"backupEligible":false,"backedUp":false,"createdAt":"2023-04-05T06:07:08Z"},{"credentialId":"aWQy","publicKey":"` + coseKey + `"}]}`,
			login.ImportRecord{Email: "ann@example.org", UserHandle: []byte("h1"), Passkeys: []login.Passkey{{CredentialID: []byte("id"), PublicKey: bytesOf(coseKey), SignCount: 7, CreatedAt: day}},
				Left: []string{"a passkey without backupEligible, which authenticators must repeat at each sign-in"}}},
		// keycloak/keycloak: a realm export of version 26 (PasswordCredentialModel, OTPCredentialModel)
		"Keycloak": {"keycloak",
			`{"id":"r","realm":"demo","roles":{"realm":[{"name":"admin"}]},"users":[{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d","username":"ann","firstName":"Ann","lastName":"Lang","email":"ann@example.org","emailVerified":true,"createdTimestamp":1680674828000,"enabled":false,"totp":true,"credentials":[{"id":"c1","type":"password","createdDate":1680674828000,"secretData":"{\"value\":\"BruFLfFkjH/8erZ26NnrbkOrWiZuQyDRCHD9o0R6Scg=\",\"salt\":\"Cf9AYCE5pAbb4CKEF0GUTA==\",\"additionalParameters\":{}}","credentialData":"{\"hashIterations\":5,\"algorithm\":\"argon2\",\"additionalParameters\":{\"hashLength\":[\"32\"],\"memory\":[\"7168\"],\"type\":[\"id\"],\"version\":[\"1.3\"],\"parallelism\":[\"1\"]}}"},{"id":"c2","type":"otp","secretData":"{\"value\":\"hello world secret\"}","credentialData":"{\"subType\":\"totp\",\"digits\":6,\"counter\":0,\"period\":30,\"algorithm\":\"HmacSHA1\"}"}],"realmRoles":["default-roles-demo"],"federatedIdentities":[{"identityProvider":"google","userId":"1234","userName":"ann"}]}],"clients":[]}`,
			login.ImportRecord{
				ID: "0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d", Email: "ann@example.org", Name: "Ann Lang", EmailVerified: true, Disabled: true, CreatedAt: day,
				PasswordHash: "$argon2id$v=19$m=7168,t=5,p=1$Cf9AYCE5pAbb4CKEF0GUTA==$BruFLfFkjH/8erZ26NnrbkOrWiZuQyDRCHD9o0R6Scg=",
				TOTPSecret:   "NBSWY3DPEB3W64TMMQQHGZLDOJSXI===", Identities: []login.ImportIdentity{{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1234"}},
			}},
		"Keycloak of before argon2": {"keycloak",
			`{"realm":"demo","users":[{"username":"ann@example.org","enabled":true,"credentials":[{"type":"password","secretData":"{\"value\":\"QJxzfvdbHYBpydCbHoFg3GJEqMFULwskiuqiJctoYpI=\",\"salt\":\"1jP+5Zxpxgtee/iPxGgOz0RfE9/KJuDElP1ley4VxXc=\"}","credentialData":"{\"hashIterations\":27500,\"algorithm\":\"pbkdf2-sha256\"}"}]}]}`,
			login.ImportRecord{Email: "ann@example.org", PasswordHash: "$pbkdf2-sha256$i=27500$1jP+5Zxpxgtee/iPxGgOz0RfE9/KJuDElP1ley4VxXc=$QJxzfvdbHYBpydCbHoFg3GJEqMFULwskiuqiJctoYpI="}},
		// docs.djangoproject.com: manage.py dumpdata auth.user; hash of tests/auth_tests/test_hashers.py
		"Django": {"django",
			`[{"model": "auth.user", "pk": 5, "fields": {"password": "pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=", "last_login": null, "is_superuser": false, "username": "ann", "first_name": "Ann", "last_name": "Lang", "email": "ann@example.org", "is_staff": false, "is_active": false, "date_joined": "2023-04-05T06:07:08Z", "groups": [], "user_permissions": []}}]`,
			login.ImportRecord{ID: "5", Email: "ann@example.org", Name: "Ann Lang", PasswordHash: "$pbkdf2-sha256$i=390000$c2Vhc2FsdA$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=", Disabled: true, CreatedAt: day}},
		"Django's scrypt": {"django",
			`{"id":5,"username":"ann","email":"ann@example.org","password":"scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==","is_active":true}`,
			login.ImportRecord{ID: "5", Email: "ann@example.org", Name: "ann", PasswordHash: "$scrypt$ln=14,r=8,p=1$c2Vhc2FsdA$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw=="}},
		"Django's unusable password": {"django", `{"id":5,"username":"ann","email":"ann@example.org","password":"!QJxzfvdbHYBpydCbHoFg3GJEqMFULwskiuqi"}`, login.ImportRecord{ID: "5", Email: "ann@example.org", Name: "ann"}},
		// developer.wordpress.org/cli: wp user list --format=json
		"WordPress": {"wordpress",
			`[{"ID":1,"user_login":"ann","display_name":"Ann","user_email":"ann@example.org","user_pass":"$wp$2y$10$Q1xinFjrZeLWJBvxviIL6u834Fu.evIEFHAUVisQ5O.w9Dm0sMdES","user_registered":"2023-04-05 06:07:08","roles":"administrator"}]`,
			login.ImportRecord{ID: "1", Email: "ann@example.org", Name: "Ann", PasswordHash: "$wp$2y$10$Q1xinFjrZeLWJBvxviIL6u834Fu.evIEFHAUVisQ5O.w9Dm0sMdES", CreatedAt: day}},
		// doc.dovecot.org, passwd-file
		"Dovecot": {"sha-crypt", "ann@example.org:{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1:1000:1000::/home/ann\n",
			login.ImportRecord{Email: "ann@example.org", PasswordHash: "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"}},
		// the project hasuraLoginDocker, whose users are in public.users
		"tutorial": {"tutorial", `{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d","email":"Ann@Example.org","name":"Ann","password":"$2a$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve","created_at":"2023-04-05T06:07:08+00:00"}`,
			login.ImportRecord{
				ID: "0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d", Email: "Ann@Example.org", Name: "Ann", CreatedAt: day,
				PasswordHash: "$email-bcrypt$YW5uQGV4YW1wbGUub3Jn$2a$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve",
			}},
	}
	covered := map[string]bool{}
	for name, c := range cases {
		covered[c.format] = true
		t.Run(name, func(t *testing.T) {
			rows := all(t, c.format, c.file)
			if len(rows) != 1 || rows[0].Err != nil || rows[0].Line != 1 {
				t.Fatalf("%d rows, the first %+v", len(rows), rows[0])
			}
			if diff := cmp.Diff(c.want, rows[0].Record, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
	for _, format := range transfer.Formats() {
		if !covered[format] && format != "hasura-auth" {
			t.Errorf("there is no sample of %s", format)
		}
	}
}

// Open reports what is wrong with a file as a whole before anything is imported.
func TestOpen_RefusesAFileOfAnotherKind(t *testing.T) {
	const ann = `{"email":"ann@example.org","encrypted_password":"x"}`
	cases := map[string]struct{ format, file, says string }{
		"gzip":                        {"ndjson", "\x1f\x8b\x08\x00abc", "gunzip"},
		"zip":                         {"ndjson", "PK\x03\x04abc", "zip archive"},
		"a dump of Postgres":          {"supabase", "PGDMP\x01\x0e", "pg_dump"},
		"age":                         {"ndjson", "age-encryption.org/v1\n", "age -d"},
		"UTF-16":                      {"ndjson", "\xff\xfe{\x00", "UTF-16"},
		"nothing":                     {"ndjson", "", "empty"},
		"blank lines":                 {"ndjson", "\n\n  \n", "empty"},
		"CSV":                         {"ndjson", "email,name\nann@example.org,Ann\n", "not JSON"},
		"SQL":                         {"supabase", "INSERT INTO auth.users VALUES (1);\n", "not JSON"},
		"binary":                      {"wordpress", "a\x00b\x01", "not text"},
		"Supabase given as Keycloak":  {"keycloak", ann, `no list "users"`},
		"Supabase given as Kratos":    {"kratos", ann, "not of this format"},
		"Supabase given as Django":    {"django", ann, "not of this format"},
		"Supabase given as WordPress": {"wordpress", ann, "not of this format"},
		"Supabase given as Auth0":     {"auth0", ann, "not of this format"},
		"Supabase given as Firebase":  {"firebase", ann, `no list "users"`},
		"Supabase as the tutorial":    {"tutorial", `{"email":"a@example.org","password":null,"encrypted_password":"x"}`, "not of this format"},
		"JSON given as SHA-crypt":     {"sha-crypt", "hello\nworld\n", "address:hash"},
		"a list of numbers":           {"ndjson", "[1,2]", "not of this format"},
		"a format that there is not":  {"okta", ann, "no format"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			in, err := transfer.Open(c.format, strings.NewReader(c.file), transfer.Options{FirebaseParameters: firebaseParameters})
			if err == nil {
				_, err = in.Next()
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want it to say %q", err, c.says)
			}
		})
	}
}

func TestOpen_FirebaseParameters(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"none":              {"", "--firebase-parameters"},
		"of another kind":   {"hash_config {\n algorithm: BCRYPT,\n}", "BCRYPT"},
		"without a key":     {"algorithm: SCRYPT, base64_salt_separator: Bw==, rounds: 8, mem_cost: 14", "base64_signer_key"},
		"rounds of letters": {"base64_signer_key: YQ==, base64_salt_separator: Bw==, rounds: many, mem_cost: 14", "numbers"},
	} {
		_, err := transfer.Open("firebase", strings.NewReader(`{"users":[]}`), transfer.Options{FirebaseParameters: c.text})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
	}
	as := `{"algorithm":"SCRYPT","base64_signer_key":"YQ==","base64_salt_separator":"Bw==","rounds":"8","mem_cost":14}`
	if _, err := transfer.Open("firebase", strings.NewReader(`{"users":[]}`), transfer.Options{FirebaseParameters: as}); err != nil {
		t.Errorf("as JSON: %v", err)
	}
}

// Unusable records get a line and a reason, and the records around them are imported.
func TestNext_GoesOnAfterARecordThatIsNoUse(t *testing.T) {
	long := `{"email":"` + strings.Repeat("a", 1<<20) + `@example.org"}`
	file := strings.Join([]string{
		"\xef\xbb\xbf", `{"email":"ann@example.org"}`, "", `{"email":"bob@`, `{"email":["bob@example.org"]}`, `not JSON`, `{"email":"cid@example.org","password":"secret"}`, long,
		`{"email":"dan@example.org","createdAt":"yesterday"}`, "\t" + `{"email":"eve@example.org"}` + "\r", `{"email":"fay@exam`,
	}, "\n")
	got := map[int]string{}
	for _, row := range all(t, "ndjson", file) {
		got[row.Line] = row.Record.Email
		if row.Err != nil {
			got[row.Line] = row.Err.Error()
		}
	}
	want := map[int]string{
		2: "ann@example.org", 4: "the line is not a JSON object", 5: "the field email has the wrong type: array", 6: "the line is not a JSON object",
		7: `unknown field "password": docs/moving.md lists the fields`, 8: "the line is longer than 1048576 bytes", 9: "a field that must be a time is none",
		10: "eve@example.org", 11: "the file ends in the middle of this record: is it whole?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by line (-want +got):\n%s", diff)
	}
}

func TestNext_KnowsLinesInAListAndWhereItIsCut(t *testing.T) {
	const list = "[\n  {\n    \"ID\": 1,\n    \"user_email\": \"ann@example.org\"\n  },\n\n  {\"ID\": 2, \"user_email\": 7},\n  {\"ID\": 3, \"user_email\": \"cid@example.org\"}\n]\n"
	var lines []int
	for _, row := range all(t, "wordpress", list) {
		lines = append(lines, row.Line)
	}
	if diff := cmp.Diff([]int{2, 7, 8}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	in, err := transfer.Open("wordpress", strings.NewReader(list[:len(list)-30]), transfer.Options{})
	for err == nil {
		_, err = in.Next()
	}
	if !strings.Contains(err.Error(), "ends in the middle of a record, after line 7") {
		t.Errorf("a list that is cut: %v", err)
	}
}

func FuzzOpen_NeverPanics(f *testing.F) {
	for i := range transfer.Formats() {
		f.Add(i, `{"email":"ann@example.org","users":[{"username":"a"}]}`)
	}
	f.Fuzz(func(t *testing.T, format int, file string) {
		names := transfer.Formats()
		in, err := transfer.Open(names[uint(format)%uint(len(names))], strings.NewReader(file), transfer.Options{FirebaseParameters: firebaseParameters})
		for err == nil {
			_, err = in.Next()
		}
	})
}
