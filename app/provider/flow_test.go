package provider_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/provider"
	"hasura-login/app/testclock"
)

func flows(clock *testclock.Clock, keys ...string) provider.Flows {
	return provider.Flows{Now: clock.Now, Keys: func() [][]byte {
		var all [][]byte
		for _, k := range keys {
			all = append(all, []byte(k))
		}
		return all
	}}
}

func TestFlow_ComesBackToTheBrowserThatBeganIt(t *testing.T) {
	clock := testclock.At(time.Now())
	f, browser := flows(clock, "new key", "old key"), provider.NewBrowser()
	begun := provider.Flow{Provider: "corp", Link: login.Identity{UserID: "u", SessionID: "s"}, ReturnState: "state=" + strings.Repeat("s", 200)}
	r, err := f.Begin(browser, begun)
	check(t, err)
	if len(r.State) > 1000 {
		t.Errorf("the state has %d bytes, which some providers do not carry", len(r.State))
	}
	if strings.Contains(r.State, r.Nonce) || strings.Contains(r.State, r.Verifier) || r.Nonce == r.Verifier {
		t.Error("the state says what it seals")
	}
	got, again, err := f.End(browser, "corp", r.State)
	check(t, err)
	if got.Link != begun.Link || got.ReturnState != begun.ReturnState || again != r || len(got.ID) == 0 {
		t.Errorf("%+v, %+v", got, again)
	}
	other, err := f.Begin(browser, begun)
	check(t, err)
	if other.Nonce == r.Nonce || other.Verifier == r.Verifier || other.State == r.State {
		t.Error("another tab shares the flow")
	}
	clock.Advance(provider.FlowLife - time.Second)
	if _, _, err := flows(clock, "newest key", "new key").End(browser, "corp", r.State); err != nil {
		t.Errorf("after the key was rotated: %v", err)
	}
}

func TestFlow_IsNobodyElses(t *testing.T) {
	clock := testclock.At(time.Now())
	f, browser := flows(clock, "key"), provider.NewBrowser()
	r, err := f.Begin(browser, provider.Flow{Provider: "corp"})
	check(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(r.State)
	check(t, err)
	raw[len(raw)-1] ^= 1
	for name, try := range map[string]struct {
		flows                    provider.Flows
		browser, provider, state string
		later                    time.Duration
	}{
		"another browser":    {f, provider.NewBrowser(), "corp", r.State, 0},
		"no browser":         {f, "", "corp", r.State, 0},
		"a malformed secret": {f, "x", "corp", r.State, 0},
		"another provider":   {f, browser, "google", r.State, 0},
		"another service":    {flows(clock, "other key"), browser, "corp", r.State, 0},
		"a changed state":    {f, browser, "corp", base64.RawURLEncoding.EncodeToString(raw), 0},
		"no state":           {f, browser, "corp", "", 0},
		"a very long state":  {f, browser, "corp", strings.Repeat("A", 4000), 0},
		"too late":           {f, browser, "corp", r.State, provider.FlowLife},
		"no key":             {flows(clock), browser, "corp", r.State, 0},
	} {
		clock.Advance(try.later)
		if _, _, err := try.flows.End(try.browser, try.provider, try.state); err == nil {
			t.Errorf("%s ends it", name)
		}
		clock.Advance(-try.later)
	}
}
