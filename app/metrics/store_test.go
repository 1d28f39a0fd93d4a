package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/metrics"
)

func TestStore_CountsEachOperationByItsOutcome(t *testing.T) {
	m := metrics.New("1.2.3", routes)
	for line, err := range map[string]error{
		`operation="ending a session",outcome="ok"`:      nil,
		`operation="ending a session",outcome="refused"`: fmt.Errorf("ending: %w", login.ErrTokenReused),
		`operation="any",outcome="unavailable"`:          fmt.Errorf("dialing: %w", login.ErrUnavailable),
		`operation="ending a session",outcome="error"`:   errors.New("a defect"),
	} {
		m.Store("ending a session", err, time.Second)
		if body := scrape(t, m); !strings.Contains(body, "login_store_seconds_count{"+line+"} 1\n") {
			t.Errorf("the scrape lacks %s", line)
		}
	}
	m.Store("ending a session", fmt.Errorf("query: %w", context.Canceled), time.Second)
	m.Store("reading a user", context.DeadlineExceeded, time.Second)
	for _, line := range []string{
		`login_store_seconds_count{operation="ending a session",outcome="refused"} 2`, // a caller who left is no fault of the store
		`login_store_seconds_count{operation="any",outcome="unavailable"} 2`,
	} {
		if !strings.Contains(scrape(t, m), line+"\n") {
			t.Errorf("the scrape lacks %s", line)
		}
	}
}

func TestStore_LosesNoCallOfManyAtOnce(t *testing.T) {
	m := metrics.New("1.2.3", routes)
	var running sync.WaitGroup
	for i := range 200 {
		running.Go(func() { m.Store(fmt.Sprintf("doing %d", i%20), nil, time.Millisecond) })
	}
	running.Wait()
	for i := range 20 {
		if line := fmt.Sprintf(`login_store_seconds_count{operation="doing %d",outcome="ok"} 10`, i); !strings.Contains(scrape(t, m), line+"\n") {
			t.Errorf("the scrape lacks %s", line)
		}
	}
}
