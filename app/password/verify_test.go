package password_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"hasura-login/app/login"
	"hasura-login/app/password"
	"hasura-login/app/password/foreign"
)

// realLimiter hashes with the real bcrypt at a cost that tests can afford.
func realLimiter(t *testing.T, cost int) *password.HashLimiter {
	t.Helper()
	limiter, err := password.New(password.Config{Cost: cost, MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(limiter.Close)
	return limiter
}

func hashed(t *testing.T, plain string, cost int) string {
	t.Helper()
	stored, err := realLimiter(t, cost).Hash(t.Context(), signUp, plain)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// hashedRaw is a hash of the typed text, as made before passwords were normalized.
func hashedRaw(t *testing.T, plain string, cost int) string {
	t.Helper()
	stored, err := bcrypt.GenerateFromPassword([]byte(plain), cost)
	if err != nil {
		t.Fatal(err)
	}
	return string(stored)
}

func TestVerify_TellsRightFromWrong(t *testing.T) {
	const live = 5
	long := strings.Repeat("x", password.MaxBytes)
	cases := []struct {
		name, stored, plain string
		ok, stale           bool
	}{
		{name: "right", stored: hashed(t, "correct horse", live), plain: "correct horse", ok: true},
		{name: "wrong", stored: hashed(t, "correct horse", live), plain: "correct horsE"},
		{name: "empty", stored: hashed(t, "correct horse", live), plain: ""},
		{name: "spaces count", stored: hashed(t, " correct  horse ", live), plain: " correct  horse ", ok: true},
		{name: "spaces are not trimmed", stored: hashed(t, "correct horse", live), plain: " correct horse "},
		{name: "Unicode as typed", stored: hashed(t, "пароль 🐎🔋", live), plain: "пароль 🐎🔋", ok: true},
		{name: "72 bytes", stored: hashed(t, long, live), plain: long, ok: true},
		{name: "73 bytes, of which bcrypt would compare 72", stored: hashed(t, long, live), plain: long + "y"},
		{name: "NUL, which bcrypt would take for a repetition", stored: hashed(t, "horse", live), plain: "horse\x00horse"},
		{name: "unknown account", stored: "", plain: "correct horse"},
		{name: "cheaper hash, right", stored: hashed(t, "correct horse", live-1), plain: "correct horse", ok: true, stale: true},
		{name: "cheaper hash, wrong", stored: hashed(t, "correct horse", live-1), plain: "correct horsE"},
		{name: "dearer hash, right", stored: hashed(t, "correct horse", live+1), plain: "correct horse", ok: true, stale: true},
		{name: "dearer hash, wrong", stored: hashed(t, "correct horse", live+1), plain: "correct horsE"},
		// The public reports: a password set on one system did not open the account on
		// another, which composes letters otherwise (matrix-org/synapse#3306,
		// elastic/elasticsearch#40039, usnistgov/800-63-3#301).
		{name: "composed, then decomposed", stored: hashed(t, "ma\u00f1ana sesión", live), plain: "man\u0303ana sesio\u0301n", ok: true},
		{name: "decomposed, then composed", stored: hashed(t, "man\u0303ana sesio\u0301n", live), plain: "ma\u00f1ana sesión", ok: true},
		{name: "Hangul by its parts", stored: hashed(t, "\ud55c\uae00", live), plain: "\u1112\u1161\u11ab\u1100\u1173\u11af", ok: true},
		{name: "a space of another kind", stored: hashed(t, "correct horse", live), plain: "correct\u00a0horse", ok: true},
		{name: "an ideographic space", stored: hashed(t, "正しい\u3000馬", live), plain: "正しい 馬", ok: true},
		{name: "Kelvin sign", stored: hashed(t, "273 \u212a", live), plain: "273 K", ok: true},
		{name: "other letters of the same shape", stored: hashed(t, "ｈorse", live), plain: "horse"},
		{name: "another case", stored: hashed(t, "Straße", live), plain: "strasse"},
		{name: "a joiner counts", stored: hashed(t, "👩\u200d💻 horse", live), plain: "👩💻 horse"},
		{name: "a joiner is taken", stored: hashed(t, "👩\u200d💻 horse", live), plain: "👩\u200d💻 horse", ok: true},
		{name: "hash of before, as typed then", stored: hashedRaw(t, "man\u0303ana", live), plain: "man\u0303ana", ok: true, stale: true},
		{name: "hash of before, typed on another system", stored: hashedRaw(t, "man\u0303ana", live), plain: "ma\u00f1ana"},
		{name: "imported hash of composed letters", stored: hashedRaw(t, "ma\u00f1ana", live), plain: "man\u0303ana", ok: true},
		{name: "72 bytes once composed", stored: hashed(t, strings.Repeat("\u00fc", 36), live), plain: strings.Repeat("u\u0308", 36), ok: true},
		{name: "cheaper hash, decomposed", stored: hashedRaw(t, "man\u0303ana", live-1), plain: "man\u0303ana", ok: true, stale: true},
		{name: "imported 2b, more than the 72 bytes that were hashed", stored: "$2b" + hashed(t, long, live)[3:], plain: long + "y", ok: true},
		{name: "imported 2b, 72 bytes", stored: "$2b" + hashed(t, long, live)[3:], plain: long, ok: true, stale: true},
		{name: "imported argon2id", stored: "$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk", plain: "test", ok: true, stale: true},
		{name: "imported argon2id, wrong", stored: "$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk", plain: "tesT"},
		{name: "imported phpass", stored: "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", plain: "test12345", ok: true, stale: true},
		{name: "imported phpass, NUL", stored: "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", plain: "test12345\x00"},
		// Published test vectors of other implementations.
		{name: "imported 2a", stored: "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", plain: "abc", ok: true, stale: true},
		{name: "imported 2a of the live cost", stored: "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", plain: "U*U", ok: true},
		{name: "imported 2y", stored: "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", plain: "U*U", ok: true, stale: true},
		{name: "imported 2b", stored: "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", plain: "U*U", ok: true, stale: true},
		{name: "imported 2y, eighth bit", stored: "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", plain: "\xa3", ok: true, stale: true},
	}
	limiter := realLimiter(t, live)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ok, stale, err := limiter.Verify(t.Context(), signIn, c.stored, c.plain)
			if err != nil {
				t.Fatal(err)
			}
			if ok != c.ok || stale != c.stale {
				t.Errorf("ok %v, stale %v; want %v, %v", ok, stale, c.ok, c.stale)
			}
		})
	}
}

// noHash are strings that a column may hold and that are not a bcrypt hash.
var noHash = map[string]string{
	"unknown account":   "",
	"lock mark":         "!",
	"plain text":        "correct horse battery staple",
	"cut short":         strings.TrimSuffix(string(storedHash(10)), "."),
	"too long":          string(storedHash(10)) + ".",
	"flawed format 2x":  "$2x" + string(storedHash(10)[3:]),
	"cost too high":     strings.Replace(string(storedHash(10)), "$10$", "$31$", 1),
	"cost too low":      strings.Replace(string(storedHash(10)), "$10$", "$03$", 1),
	"cost not a number": strings.Replace(string(storedHash(10)), "$10$", "$+9$", 1),
	"not base64":        string(storedHash(10)[:20]) + "=" + string(storedHash(10)[21:]),
	"not ASCII":         string(storedHash(10)[:20]) + "é" + string(storedHash(10)[22:]),
	"unknown algorithm": "$argon2d$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaGg",
	"absurd cost":       "$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaGg",
}

func TestVerify_EveryWrongPasswordCostsOneHashAtTheLiveCost(t *testing.T) {
	cases := map[string]struct{ stored, plain string }{
		"wrong password":                    {string(storedHash(liveCost)), "wrong"},
		"over 72 bytes":                     {string(storedHash(liveCost)), strings.Repeat("x", 73)},
		"NUL":                               {string(storedHash(liveCost)), "wrong\x00"},
		"wrong against a cheaper hash":      {string(storedHash(liveCost - 1)), "wrong"},
		"wrong against a much cheaper hash": {string(storedHash(password.MinCost)), "wrong"},
	}
	for name, stored := range noHash {
		cases[name] = struct{ stored, plain string }{stored, rightPassword}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hashes := &slowHash{perHash: 64 * time.Millisecond}
				limiter := startLimiter(t, hashes, password.Config{Workers: 1})
				begun := time.Now()
				ok, stale, err := limiter.Verify(t.Context(), signIn, c.stored, c.plain)
				if ok || stale || err != nil {
					t.Errorf("got %v, %v, %v; want false", ok, stale, err)
				}
				if got := hashes.roundsDone(); got != 1<<liveCost {
					t.Errorf("%d rounds, want %d", got, 1<<liveCost)
				}
				if took := time.Since(begun); took != hashes.perHash {
					t.Errorf("took %v, want %v", took, hashes.perHash)
				}
			})
		})
	}
}

// A password in another form than the hashed one is compared twice, in one job and
// for everybody: the time tells nothing of the account.
func TestVerify_APasswordInAnotherFormCostsTheSameForEveryAccount(t *testing.T) {
	cases := map[string]string{"an account": string(storedHash(liveCost)), "a cheaper hash": string(storedHash(liveCost - 2))}
	for name, stored := range noHash {
		cases[name] = stored
	}
	for name, stored := range cases {
		for plain, hashes := range map[string]int{
			"u\u0308ber": 2, "a\u00a0b": 2, "\u00fcber": 1, "über \x00": 1, "u\u0308\x00": 2, "\xffu\u0308": 1, strings.Repeat("u\u0308", 40): 2,
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					bcrypt := &slowHash{perHash: 64 * time.Millisecond}
					limiter := startLimiter(t, bcrypt, password.Config{Workers: 1})
					if ok, _, err := limiter.Verify(t.Context(), signIn, stored, plain); ok || err != nil {
						t.Errorf("got %v, %v; want false", ok, err)
					}
					if got := bcrypt.roundsDone(); got != hashes<<liveCost {
						t.Errorf("%+q: %d rounds, want %d", plain, got, hashes<<liveCost)
					}
				})
			})
		}
	}
}

func TestVerify_RightPasswordCostsOneHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hashes := &slowHash{perHash: 50 * time.Millisecond}
		limiter := startLimiter(t, hashes, password.Config{Workers: 1})
		ok, stale, err := limiter.Verify(t.Context(), signIn, string(storedHash(liveCost)), rightPassword)
		if !ok || stale || err != nil {
			t.Errorf("got %v, %v, %v; want true", ok, stale, err)
		}
		if got := hashes.roundsDone(); got != 1<<liveCost {
			t.Errorf("%d rounds, want %d", got, 1<<liveCost)
		}
	})
}

func TestVerify_TheVeryFirstCallOfAnUnknownAccountCostsOneHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hashes := &slowHash{perHash: 50 * time.Millisecond}
		limiter, err := password.NewLimiterOn(password.Config{Cost: liveCost}, hashes.generate, hashes.compare)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(limiter.Close)
		begun := time.Now()
		if _, _, err := limiter.Verify(t.Context(), signIn, "", "a guess"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != hashes.perHash {
			t.Errorf("took %v, want %v", took, hashes.perHash)
		}
	})
}

// The error for a mismatch comes only after all rounds are done; a malformed
// hash gets another at once.
func TestDummyHash_IsComparedInFull(t *testing.T) {
	for cost := password.MinCost; cost <= 8; cost++ {
		dummy := password.DummyHash(cost)
		if err := bcrypt.CompareHashAndPassword(dummy, []byte("a guess")); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			t.Errorf("%s: %v", dummy, err)
		}
		if got, err := bcrypt.Cost(dummy); got != cost || err != nil {
			t.Errorf("%s: cost %d, %v; want %d", dummy, got, err, cost)
		}
	}
}

func TestHash_NeverCutsALongPassword(t *testing.T) {
	_, err := realLimiter(t, password.MinCost).Hash(t.Context(), signUp, strings.Repeat("x", 73))
	if !errors.Is(err, bcrypt.ErrPasswordTooLong) {
		t.Errorf("got %v", err)
	}
}

func TestHash_SaltsEachHash(t *testing.T) {
	first, second := hashed(t, "correct horse", password.MinCost), hashed(t, "correct horse", password.MinCost)
	if first == second {
		t.Error("the same password gave the same hash twice")
	}
}

func TestVerify_ManyCallersAtOnceGetTheirOwnAnswers(t *testing.T) {
	limiter := realLimiter(t, password.MinCost)
	stored := hashed(t, "correct horse", password.MinCost)
	answers := make(chan error, 64)
	for i := range cap(answers) {
		go func() {
			plain, want := "correct horse", i%2 == 0
			if !want {
				plain = "correct horsE"
			}
			ok, _, err := limiter.Verify(t.Context(), []login.HashRequest{signIn, signUp, knownDevice}[i%3], stored, plain)
			if err == nil && ok != want {
				err = errors.New("got the answer of another")
			}
			answers <- err
		}()
	}
	for range cap(answers) {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func FuzzVerify_AgreesWithBcryptOnWhatItAccepts(f *testing.F) {
	for _, stored := range noHash {
		f.Add(stored, "correct horse")
	}
	f.Add("$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U")
	f.Add("$2a$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U\x00")
	limiter, err := password.New(password.Config{Cost: password.MinCost})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(limiter.Close)
	f.Fuzz(func(t *testing.T, stored, plain string) {
		if cost, err := bcrypt.Cost([]byte(stored)); err == nil && cost > 6 || len(plain) > password.MaxBytes {
			return // takes too long, or is cut
		}
		ok, _, err := limiter.Verify(t.Context(), signIn, stored, plain)
		if err != nil {
			t.Fatal(err)
		}
		if other, err := foreign.Parse(stored); err == nil {
			if ok && !other.Matches([]byte(plain)) {
				t.Errorf("accepted %q for %q", plain, stored)
			}
			return
		}
		if ok && bcrypt.CompareHashAndPassword([]byte(stored), []byte(plain)) != nil {
			t.Errorf("accepted %q for %q", plain, stored)
		}
	})
}
