package clock_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hasura-login/app/clock"
	"hasura-login/app/testclock"
)

func TestClock_GoesByTheDatabases(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	machine := testclock.At(noon)
	c := clock.New(machine.Now)
	for _, step := range []struct {
		name  string
		there time.Duration // the database's clock is ahead
		takes time.Duration
		away  bool
		want  time.Duration
		says  string
	}{
		{name: "the same", there: 0, want: 0},
		{name: "as good as the same", there: 900 * time.Millisecond, want: 0},
		{name: "a minute ahead", there: time.Minute, want: time.Minute, says: "1m0s away"},
		{name: "still", there: time.Minute + 300*time.Millisecond, want: time.Minute},
		{name: "away", away: true, want: time.Minute},
		{name: "too slow to tell", there: 0, takes: 2 * time.Second, want: time.Minute},
		{name: "the machine was set right", there: 0, want: 0},
		{name: "a minute behind, seen over half a second", there: -time.Minute, takes: 500 * time.Millisecond, want: -time.Minute, says: "1m0s away"},
		{name: "an hour off: believed by no one", there: time.Hour, want: -time.Minute, says: "more than 5m0s"},
	} {
		err := c.Ask(t.Context(), func(context.Context) (time.Time, error) {
			if step.away {
				return time.Time{}, errors.New("away")
			}
			machine.Advance(step.takes / 2)
			at := machine.Now().Add(step.there)
			machine.Advance(step.takes - step.takes/2)
			return at, nil
		})
		if got := c.Now().Sub(machine.Now()); got != step.want {
			t.Errorf("%s: %s ahead of the machine, want %s", step.name, got, step.want)
		}
		if (err != nil) != (step.says != "") || err != nil && !strings.Contains(err.Error(), step.says) {
			t.Errorf("%s: says %v, want %q", step.name, err, step.says)
		}
	}
}
