package transfer_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/store/postgres"
	"hasura-login/app/testserver"
	"hasura-login/app/transfer"
)

func quoted(format string, args ...any) string {
	return strings.ReplaceAll(fmt.Sprintf(format, args...), `"`, `\"`)
}

// exports makes files with a given number of users in each system's format; all users
// of a file have the same password and hash.
func exports(t *testing.T) map[string]struct {
	password string
	write    func(n int) string
} {
	t.Helper()
	lines := func(line string) func(int) string {
		return func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, line+"\n", i)
			}
			return b.String()
		}
	}
	list := func(before, line, after string) func(int) string {
		return func(n int) string {
			return before + strings.TrimSuffix(strings.ReplaceAll(lines(line)(n), "\n", ",\n"), ",\n") + after
		}
	}
	overAddress := func(n int) string {
		var b strings.Builder
		for i := range n {
			email, hash := fmt.Sprintf("User%d@tutorial.example", i), "$2a$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve"
			if i%4999 == 0 { // the user who signs in
				made, err := bcrypt.GenerateFromPassword([]byte(strings.ToLower(email)+"correct horse"), bcrypt.MinCost)
				if err != nil {
					t.Fatal(err)
				}
				hash = string(made)
			}
			fmt.Fprintf(&b, `{"id":null,"email":%q,"name":"Ann","password":%q}`+"\n", email, hash)
		}
		return b.String()
	}
	salt := []byte("somesaltsomesalt")
	argon := base64.StdEncoding.EncodeToString(argon2.IDKey([]byte("correct horse"), salt, 5, 7168, 1, 32))
	type export = struct {
		password string
		write    func(n int) string
	}
	return map[string]export{
		"ndjson":      {"test", lines(`{"email":"user%d@ndjson.example","passwordHash":"$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk"}`)},
		"hasura-auth": {"test", lines(`{"email":"user%d@hasura-auth.example","display_name":"Ann","password_hash":"` + bcryptOfTest + `","default_role":"user","roles":["user","me"]}`)},
		"supabase":    {"test", lines(`{"email":"user%d@supabase.example","encrypted_password":"` + bcryptOfTest + `"}`)},
		"firebase":    {"user1password", list(`{"users": [`, `{"localId":"f%[1]d","email":"user%[1]d@firebase.example","passwordHash":"lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==","salt":"42xEC+ixf3L2lw=="}`, `]}`)},
		"auth0":       {"test", lines(`{"_id":{"$oid":"%[1]d"},"email":"user%[1]d@auth0.example","passwordHash":"$2b$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve"}`)},
		"kratos":      {"test", list(`[`, `{"id":"k","traits":{"email":"user%d@kratos.example"},"credentials":{"password":{"config":{"hashed_password":"$scrypt$ln=16384,r=8,p=1$2npRo7P03Mt8keSoMbyD/tKFWyUzjiQf2svUaNDSrhA=$MiCzNcIplSMqSBrm4HckjYqYhaVPPjTARTzwB1cVNYE="}}}}`, `]`)},
		"keycloak": {"correct horse", list(`{"realm":"demo","users":[`, `{"username":"user%[1]d","email":"user%[1]d@keycloak.example","credentials":[{"type":"password","secretData":"`+
			quoted(`{"value":"%s","salt":"%s"}`, argon, base64.StdEncoding.EncodeToString(salt))+`","credentialData":"`+
			quoted(`{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}`)+`"}]}`, `]}`)},
		"django":    {"not a password", list(`[`, `{"model":"auth.user","pk":%[1]d,"fields":{"username":"u%[1]d","email":"user%[1]d@django.example","password":"pbkdf2_sha1$10000$wz5B6WkasRoF$atJmJ1o+XfJxKq1+Nu1f1i57Z5I="}}`, `]`)},
		"wordpress": {"test12345", list(`[`, `{"ID":%[1]d,"user_login":"u%[1]d","user_email":"user%[1]d@wordpress.example","user_pass":"$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"}`, `]`)},
		"sha-crypt": {"Hello world!", lines(`user%d@sha-crypt.example:$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5`)},
		"tutorial":  {"correct horse", overAddress},
	}
}

// Ten thousand users of each system are imported. Some sign in with the old password,
// their hash is replaced by one of ours, and they sign in again.
func TestRun_TenThousandUsersOfEachSystemSignIn(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	store, err := postgres.Open(t.Context(), func() (string, error) { return pg.URLFor("hasura_login_a", "app"), nil })
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldOn(t, store)
	files := exports(t)
	for _, format := range transfer.Formats() {
		export := files[format]
		t.Run(format, func(t *testing.T) {
			const users = 10_000
			want := transfer.Counts{Read: users, Added: users}
			if got := w.run(t, format, export.write(users)); got != want {
				t.Fatalf("%+v, want %+v; %v", got, want, w.findings[:min(3, len(w.findings))])
			}
			for _, i := range []int{0, users/2 - 1, users - 2} {
				email := fmt.Sprintf("user%d@%s.example", i, format)
				before := w.hash(t, email)
				if err := w.signIn(email, export.password+"x"); err == nil {
					t.Errorf("%s: a wrong password is taken", email)
				}
				if err := w.signIn(email, export.password); err != nil {
					t.Errorf("%s: %v", email, err)
				}
				if after := w.hash(t, email); after == before || !strings.HasPrefix(after, "$2a$04$") {
					t.Errorf("%s: the hash is still of another system: %s", email, after)
				}
				if err := w.signIn(email, export.password); err != nil {
					t.Errorf("%s, again: %v", email, err)
				}
			}
		})
	}
}

// A second run changes nothing, and reports the same for every rejected record.
func TestRun_AgainEndsInTheSameState(t *testing.T) {
	w := newWorld(t)
	file := strings.Join([]string{
		`{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c01","email":"Ann@Example.org","passwordHash":"` + bcryptOfTest + `"}`,
		`{"email":"ANN@example.org","passwordHash":"` + bcryptOfTest + `"}`,
		`{"email":"idn@bücher.example"}`,
		`{"email":"idn@xn--bcher-kva.example"}`,
		`{"email":"jose\u0301@example.org"}`,
		`{"email":"josé@example.org"}`,
		`{"email":"no address"}`,
		`{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c01","email":"bob@example.org"}`,
		`{"email":"cid@example.org","passwordHash":"$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaGg"}`,
		`{"email":"dan@example.org","passwordHash":"$argon2id$v=19$m=16,t=2,p=1$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4"}`,
		`{"email":"eve@example.org","passwordHash":"5f4dcc3b5aa765d61d8327deb882cf99"}`,
		`{"email":"fay@example.org","roles":["admin"]}`,
		`{"email":"gus@example.org","totpSecret":"not base32!"}`,
		`{"email":"hal@example.org","name":"` + strings.Repeat("x", 300) + `"}`,
		`{"email":"ivy@example.org","claims":{"x-hasura-user-id":"1"}}`,
	}, "\n")
	want := transfer.Counts{Read: 15, Added: 5, Rejected: 10, NoPassword: 4}
	if got := w.run(t, "ndjson", file); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	first := w.findings
	reasons := map[int]string{
		2: "line 1", 4: "line 3", 6: "line 5", 7: "space", 8: "another address has this id", 9: "memory", 10: "base64", 11: "a new password must be set",
		12: "admin", 13: "base32", 14: "name", 15: "x-hasura-user-id",
	}
	for _, f := range first {
		if !strings.Contains(f.Reason, reasons[f.Line]) || reasons[f.Line] == "" {
			t.Errorf("line %d: %q, want it to say %q", f.Line, f.Reason, reasons[f.Line])
		}
		if left := f.Line == 11 || f.Line == 14; left != (f.Outcome == transfer.Left) {
			t.Errorf("line %d is %s", f.Line, f.Outcome)
		}
	}
	if len(first) != len(reasons) {
		t.Errorf("%d findings, want %d", len(first), len(reasons))
	}
	want = transfer.Counts{Read: 15, There: 5, Rejected: 10}
	if got := w.run(t, "ndjson", file); got != want {
		t.Errorf("again: %+v, want %+v", got, want)
	}
	byLine := func(a, b transfer.Finding) int { return a.Line - b.Line }
	slices.SortFunc(first, byLine)
	slices.SortFunc(w.findings, byLine)
	if diff := cmp.Diff(first, w.findings); diff != "" {
		t.Errorf("findings of the second run (-first +second):\n%s", diff)
	}
}

// An import of any format that is killed at random points and run again ends like an
// undisturbed one.
func TestRun_KilledAnywhereAndRunAgain(t *testing.T) {
	const users, batch = 60, 25
	files := exports(t)
	for _, format := range transfer.Formats() {
		file := files[format].write(users)
		seed := time.Now().UnixNano()
		random := mathrand.New(mathrand.NewPCG(uint64(seed), 0)) // #nosec G404 G115 -- where a test kills
		t.Run(format, func(t *testing.T) {
			w := newWorld(t)
			// Several kills in a row, the first before and the last after whatever is added.
			at := []int{1, 1 + random.IntN(batch), batch, batch + 1 + random.IntN(batch), users}
			for _, after := range at {
				in, err := transfer.Open(format, strings.NewReader(file), transfer.Options{FirebaseParameters: firebaseParameters})
				if err != nil {
					t.Fatal(err)
				}
				ctx, kill := context.WithCancel(t.Context())
				m := w.newImport()
				m.Batch = batch
				if _, err := m.Run(ctx, &killer{Reader: in, after: after, kill: kill}); !errors.Is(err, context.Canceled) {
					t.Fatalf("killed after %d of %v: it went on: %v", after, at, err)
				}
			}
			got := w.run(t, format, file)
			if got.Added+got.There != users || got.There == 0 || got.Rejected > 0 {
				t.Errorf("killed at %v: %+v", at, got)
			}
			undisturbed := newWorld(t)
			undisturbed.run(t, format, file)
			if diff := cmp.Diff(undisturbed.everybody(t), w.everybody(t)); diff != "" {
				t.Errorf("killed at %v (-undisturbed +killed):\n%s", at, diff)
			}
			if again := w.run(t, format, file); again != (transfer.Counts{Read: users, There: users}) {
				t.Errorf("and again: %+v", again)
			}
		})
	}
}

// everybody lists every account, without the parts that differ in each run: ids of
// users who had none, and the time.
func (w *world) everybody(t *testing.T) []login.Account {
	t.Helper()
	all, err := w.store.ListUsers(t.Context(), login.UserFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	accounts := make([]login.Account, len(all))
	for i, ua := range all {
		accounts[i] = ua.Account
		if !ua.Account.EmailVerifiedAt.IsZero() {
			accounts[i].EmailVerifiedAt = time.Unix(1, 0)
		}
	}
	return accounts
}

// killer ends the run after a number of records.
type killer struct {
	transfer.Reader
	after int
	kill  func()
}

func (k *killer) Next() (transfer.Row, error) {
	if k.after--; k.after < 0 {
		k.kill()
	}
	return k.Reader.Next()
}

// The tutorial's hash is over address and password. bcrypt reads only 72 bytes, so a
// long address leaves no room for the password and any password passes. Such an account
// is imported without its password.
func TestRun_TheTutorialsLongAddressesMustSetANewPassword(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("a", 60) + "@example.org" // 72 bytes
	hash, err := bcrypt.GenerateFromPassword([]byte(long), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	got := w.run(t, "tutorial", fmt.Sprintf(`{"id":"0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c01","email":%q,"name":"Ann","password":%q}`, long, hash))
	if got != (transfer.Counts{Read: 1, Added: 1, NoPassword: 1}) {
		t.Errorf("%+v", got)
	}
	if len(w.findings) != 1 || w.findings[0].Outcome != transfer.Left || !strings.Contains(w.findings[0].Reason, "password") {
		t.Errorf("findings: %v", w.findings)
	}
	for _, plain := range []string{"", "any password", "correct horse"} {
		if err := w.signIn(long, plain); err == nil {
			t.Errorf("%q opens the account", plain)
		}
	}
}

func TestRun_TellsTheIDsThereAndHere(t *testing.T) {
	w := newWorld(t)
	file := exports(t)["firebase"].write(3)
	w.run(t, "firebase", file)
	first := w.ids
	w.ids = map[string]string{}
	w.run(t, "firebase", file)
	if diff := cmp.Diff(first, w.ids); diff != "" || len(first) != 3 {
		t.Errorf("ids of the second run (-first +second):\n%s", diff)
	}
	h, err := w.store.UserAccountByEmail(t.Context(), "user2@firebase.example")
	if err != nil || first["f2"] != h.User.ID {
		t.Errorf("f2 is %s, want %s (%v)", first["f2"], h.User.ID, err)
	}
}

// A secret that another system drew opens the account with the same app.
func TestRun_AuthenticatorAppsGoOn(t *testing.T) {
	w := newWorld(t)
	w.run(t, "ndjson", `{"email":"ann@example.org","passwordHash":"`+bcryptOfTest+`","totpSecret":"jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp"}`)
	err := w.signIn("ann@example.org", "test")
	var known *login.Error
	if !errors.As(err, &known) || known.Code != login.CodeSecondFactorRequired {
		t.Fatalf("signing in: %v", err)
	}
	h, err := w.store.UserAccountByEmail(t.Context(), "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := w.store.TOTP(t.Context(), h.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := logintest.OneTimePasswords.Check(h.User.ID, stored.Secret, "000000", h.User.CreatedAt); err != nil {
		t.Errorf("the secret does not open: %v", err)
	}
}
