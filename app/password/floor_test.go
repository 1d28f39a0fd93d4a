package password_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"hasura-login/app/password"
)

// A moderately expensive bcrypt hash of another system stands for every kind of
// imported hash; slowHash knows its duration.
func importedHash(cost int) string { return "$2b" + string(storedHash(cost)[3:]) }

func TestSetImported_EveryWrongPasswordTakesAsLongAsTheSlowestKind(t *testing.T) {
	stored := map[string]string{
		"unknown account": "", "one of ours": string(storedHash(liveCost)), "one of ours, cheaper": string(storedHash(liveCost - 2)),
		"a dearer one": importedHash(liveCost + 2), "a cheaper one": importedHash(liveCost - 3), "no hash": "!",
	}
	synctest.Test(t, func(t *testing.T) {
		hashes := &slowHash{perHash: 40 * time.Millisecond}
		limiter := startLimiter(t, hashes, password.Config{Workers: 2, MaxWait: time.Minute})
		if err := limiter.SetImported(t.Context(), signIn, []string{importedHash(liveCost + 2), importedHash(liveCost - 3)}); err != nil {
			t.Fatal(err)
		}
		want := 184 * time.Millisecond // four times a hash of ours, and the margin
		for name, hash := range stored {
			for plain, comparisons := range map[string]time.Duration{"a guess": 1, "u\u0308ber": 2} {
				begun := time.Now()
				if ok, _, err := limiter.Verify(t.Context(), signIn, hash, plain); ok || err != nil {
					t.Fatalf("%s: %v, %v", name, ok, err)
				}
				if took := time.Since(begun); took != comparisons*want {
					t.Errorf("%s, %q: %v, want %v", name, plain, took, comparisons*want)
				}
			}
		}
		begun := time.Now()
		if ok, _, _ := limiter.Verify(t.Context(), signIn, string(storedHash(liveCost)), rightPassword); !ok || time.Since(begun) != hashes.perHash {
			t.Errorf("the right password: %v after %v", ok, time.Since(begun))
		}
	})
}

// Once the last imported hash has become one of ours, nothing is slowed any more.
func TestSetImported_WithoutImportedHashesNothingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hashes := &slowHash{perHash: 40 * time.Millisecond}
		limiter := startLimiter(t, hashes, password.Config{Workers: 1})
		for _, examples := range [][]string{{importedHash(liveCost + 1)}, nil} {
			if err := limiter.SetImported(t.Context(), signIn, examples); err != nil {
				t.Fatal(err)
			}
		}
		begun := time.Now()
		if _, _, err := limiter.Verify(t.Context(), signIn, "", "a guess"); err != nil || time.Since(begun) != hashes.perHash {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

// The guess has been made, so whoever counts guesses learns of it even if the caller
// does not wait for the answer.
func TestSetImported_ACallerWhoLeavesIsCountedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hashes := &slowHash{perHash: 40 * time.Millisecond}
		limiter := startLimiter(t, hashes, password.Config{Workers: 1})
		if err := limiter.SetImported(t.Context(), signIn, []string{importedHash(liveCost + 2)}); err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer leave()
		begun := time.Now()
		if ok, _, err := limiter.Verify(ctx, signIn, "", "a guess"); ok || err != nil || time.Since(begun) != 50*time.Millisecond {
			t.Errorf("%v, %v after %v", ok, err, time.Since(begun))
		}
	})
}

// However many workers there are, hashes that fill much memory take turns; the others
// do not wait for them.
func TestVerify_ForeignHashesShareABoundedMemory(t *testing.T) {
	const argon = "$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk"
	hasher, err := password.New(password.Config{Cost: password.MinCost, Workers: 2, MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hasher.Close)
	release := hasher.HoldForeignMemory()
	verified := make(chan bool)
	go func() {
		ok, _, _ := hasher.Verify(context.Background(), signIn, argon, "test")
		verified <- ok
	}()
	if _, err := hasher.Hash(t.Context(), signIn, "correct horse"); err != nil { // the other worker
		t.Fatal(err)
	}
	select {
	case <-verified:
		t.Error("it was verified without memory")
	default:
	}
	release()
	if !<-verified {
		t.Error("the right password is refused")
	}
}
