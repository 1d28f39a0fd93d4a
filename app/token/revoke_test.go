package token_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/token"
)

func revoke(t testing.TB, f folder, kid string) token.Revocation {
	t.Helper()
	r, err := f.Revoke(kid)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRevoke_ActiveKeyHasASuccessorAtOnce(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	leaked := first(t, f, token.ES256).KID
	s := newService(t, f, token.Hooks{})
	stolen := s.issue(t, c.Now())

	plan, err := f.PlanRevoke(leaked)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{leaked + " active"}, states(t, f)); diff != "" {
		t.Errorf("planning changed the ring:\n%s", diff)
	}
	done := revoke(t, f, leaked)
	if diff := cmp.Diff([]string{done.Successor + " active"}, states(t, f)); diff != "" {
		t.Error(diff)
	}
	plan.Successor = done.Successor
	if diff := cmp.Diff(plan, done); diff != "" {
		t.Errorf("done otherwise than planned (-plan +done):\n%s", diff)
	}
	if done.Algorithm != token.ES256 || !done.TokensRefused || !done.HasuraAcceptsUntil.Equal(start.Add(time.Minute)) {
		t.Errorf("revocation: %+v", done)
	}

	s.Reload()
	if _, err := s.verifier.Verify(stolen, c.Now()); err == nil {
		t.Error("a token of the revoked key verifies")
	}
	if _, err := s.verifier.Verify(s.issue(t, c.Now()), c.Now()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{done.Successor}, published(t, s.JWKS())); diff != "" {
		t.Error(diff)
	}
}

func TestRevoke_PendingKeyJustGoes(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	active := first(t, f, token.EdDSA).KID
	pending := rotate(t, f, token.RotateOptions{PublishAhead: time.Minute}).KID
	r := revoke(t, f, pending)
	if r.State != token.Pending || r.NeedsNewKey || r.TokensRefused || r.Successor != "" {
		t.Errorf("revocation: %+v", r)
	}
	c.Advance(time.Hour)
	if diff := cmp.Diff([]string{active + " active"}, states(t, f)); diff != "" {
		t.Error(diff)
	}
}

func TestRevoke_RetiredKeyGoesAndTheActiveOneStays(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	retired := first(t, f, token.EdDSA).KID
	old := newService(t, f, token.Hooks{}).issue(t, c.Now())
	c.Advance(time.Second)
	active := rotate(t, f, token.RotateOptions{}).KID
	r := revoke(t, f, retired)
	if r.State != token.Retired || r.NeedsNewKey || !r.TokensRefused {
		t.Errorf("revocation: %+v", r)
	}
	if !strings.Contains(r.String(), "Key "+active+" (active) stays in the ring") {
		t.Errorf("says nothing of the other key:\n%s", r)
	}
	if diff := cmp.Diff([]string{active + " active"}, states(t, f)); diff != "" {
		t.Error(diff)
	}
	if _, err := newService(t, f, token.Hooks{}).verifier.Verify(old, c.Now()); err == nil {
		t.Error("a token of the revoked key verifies")
	}
}

func TestRevoke_ActiveKeyBesideAPendingOne(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	leaked := first(t, f, token.EdDSA).KID
	pending := rotate(t, f, token.RotateOptions{PublishAhead: time.Minute}).KID
	successor := revoke(t, f, leaked).Successor
	if diff := cmp.Diff([]string{pending + " pending", successor + " active"}, states(t, f)); diff != "" {
		t.Error(diff)
	}
	c.Advance(time.Minute)
	if diff := cmp.Diff([]string{pending + " active", successor + " retired"}, states(t, f)); diff != "" {
		t.Error(diff)
	}
}

func TestRevoke_OneAfterTheOtherNeverEmptiesTheRing(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	first(t, f, token.EdDSA)
	s := newService(t, f, token.Hooks{})
	for range 20 {
		for _, k := range list(t, f).Keys {
			revoke(t, f, k.KID)
			s.Reload()
			if len(published(t, s.JWKS())) != 1 {
				t.Fatalf("published: %s", s.JWKS())
			}
		}
	}
}

func TestRevoke_UnknownKeyChangesNothing(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	if _, err := f.Revoke("0123456789abcdef"); !errors.Is(err, token.ErrNoRing) {
		t.Errorf("without a ring: %v", err)
	}
	kid := first(t, f, token.EdDSA).KID
	for _, unknown := range []string{"", "0123456789abcdef", kid + ".json", "../" + kid, "." + kid} {
		if _, err := f.Revoke(unknown); !errors.Is(err, token.ErrUnknownKey) {
			t.Errorf("revoking %q: %v", unknown, err)
		}
		if _, err := f.PlanRevoke(unknown); !errors.Is(err, token.ErrUnknownKey) {
			t.Errorf("planning to revoke %q: %v", unknown, err)
		}
	}
	if diff := cmp.Diff([]string{kid + " active"}, states(t, f)); diff != "" {
		t.Error(diff)
	}
}

func TestRevoke_SaysWhatBreaksAndForHowLong(t *testing.T) {
	f := newFolder(t, newClock())
	text := revoke(t, f, first(t, f, token.EdDSA).KID).String()
	for _, want := range []string{"Login refuses every token signed by it", "Hasura accepts those tokens", "up to 1m0s", "Hasura refuses the tokens of the new key until that same read"} {
		if !strings.Contains(text, want) {
			t.Errorf("does not say %q:\n%s", want, text)
		}
	}
}

func TestList_SaysWhatHappensNextAndWhen(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	old := first(t, f, token.RS256).KID
	c.Advance(time.Hour)
	middle := rotate(t, f, token.RotateOptions{Algorithm: token.EdDSA}).KID
	c.Advance(time.Minute)
	young := rotate(t, f, token.RotateOptions{PublishAhead: 5 * time.Minute}).KID
	c.Advance(time.Minute)

	got := list(t, f)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	want := token.Listing{Now: c.Now(), Keys: []token.Listed{
		{KID: young, Algorithm: token.EdDSA, State: token.Pending, Age: token.Age(time.Minute), PublishedAt: at(61 * time.Minute), ActiveFrom: at(66 * time.Minute),
			Next: "signs", NextAt: at(66 * time.Minute)},
		{KID: middle, Algorithm: token.EdDSA, State: token.Active, Age: token.Age(2 * time.Minute), PublishedAt: at(time.Hour), ActiveFrom: at(time.Hour),
			RetiredFrom: at(66 * time.Minute), DeleteAfter: at(66*time.Minute + kept), Next: "is replaced by " + young, NextAt: at(66 * time.Minute)},
		{KID: old, Algorithm: token.RS256, State: token.Retired, Age: token.Age(62 * time.Minute), PublishedAt: at(0), ActiveFrom: at(0),
			RetiredFrom: at(time.Hour), DeleteAfter: at(time.Hour + kept), Next: "is deleted", NextAt: at(time.Hour + kept)},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
	wantText := "KID               ALG    STATE    AGE     NEXT\n" +
		young + "  EdDSA  pending  1m0s    signs at 2026-03-01T13:06:00Z (in 4m0s)\n" +
		middle + "  EdDSA  active   2m0s    is replaced by " + young + " at 2026-03-01T13:06:00Z (in 4m0s)\n" +
		old + "  RS256  retired  1h2m0s  is deleted at 2026-03-01T13:16:05Z (in 14m5s)\n"
	if diff := cmp.Diff(wantText, got.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	encoded, err := json.Marshal(got.Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	wantJSON := `{"kid":"` + young + `","alg":"EdDSA","state":"pending","ageSeconds":60,"publishedAt":"2026-03-01T13:01:00Z","activeFrom":"2026-03-01T13:06:00Z","next":"signs","nextAt":"2026-03-01T13:06:00Z"}`
	if diff := cmp.Diff(wantJSON, string(encoded)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}
