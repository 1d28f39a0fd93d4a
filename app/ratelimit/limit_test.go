package ratelimit_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/ratelimit"
)

func TestParseLimit_ReadsTheDefaults(t *testing.T) {
	parse := func(s string) ratelimit.Limit {
		l, err := ratelimit.ParseLimit("LIMIT", s)
		if err != nil {
			t.Fatal(err)
		}
		for i := range l {
			l[i].Formatted = ""
		}
		return l
	}
	got := ratelimit.Limits{
		SignInClient: parse("30-M,300-H"), DeviceClient: parse("60-M,600-H"), SignInAccount: parse(" 5-M, 20-h "), SignUpClient: parse("20-M,100-H"),
		RefreshClient: parse("600-M"), RefreshSession: parse("30-M"),
		ResetClient: parse("10-M,60-H"), ResetAccount: parse("2-M,6-H"),
		MailStrangers: parse("120-M,1200-H"),
	}
	if diff := cmp.Diff(ratelimit.DefaultLimits(), got); diff != "" {
		t.Error(diff)
	}
}

func TestParseLimit_OffIsNoLimit(t *testing.T) {
	for _, s := range []string{"off", " OFF "} {
		if l, err := ratelimit.ParseLimit("LIMIT", s); err != nil || l != nil {
			t.Errorf("%q: %v, %v", s, l, err)
		}
	}
}

func TestParseLimit_NamesTheSetting(t *testing.T) {
	for _, s := range []string{"", "30", "30-", "-M", "30-Y", "x-M", "0-M", "-5-M", "1000001-M", "5-M,", "5-M,6-M", "off,5-M", "5-M off", "9999999999999999999-H"} {
		_, err := ratelimit.ParseLimit("LOGIN_LIMIT_SIGNIN_CLIENT", s)
		if err == nil {
			t.Errorf("%q was taken", s)
		} else if !strings.HasPrefix(err.Error(), "LOGIN_LIMIT_SIGNIN_CLIENT: ") {
			t.Errorf("%q: %v", s, err)
		}
	}
}
