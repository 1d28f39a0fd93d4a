package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/metrics"
)

func TestTimedStore_CountsEveryMethodByItsOutcome(t *testing.T) {
	tests := map[string]error{
		metrics.OutcomeOK:          nil,
		metrics.OutcomeRefused:     fmt.Errorf("rotating: %w", login.ErrTokenReused),
		metrics.OutcomeUnavailable: fmt.Errorf("dialing: %w", login.ErrUnavailable),
		metrics.OutcomeError:       errors.New("a defect"),
	}
	for outcome, answer := range tests {
		t.Run(outcome, func(t *testing.T) {
			m := metrics.New("1.2.3", routes)
			store := reflect.ValueOf(metrics.TimedStore(answering{answer}, m))
			contract := reflect.TypeFor[login.Store]()
			for i := range contract.NumMethod() {
				name := contract.Method(i).Name
				got := callWithZeros(store.MethodByName(name))
				if !errors.Is(got, answer) {
					t.Errorf("%s returned %v, the store %v", name, got, answer)
				}
			}
			body := scrape(t, m)
			for i := range contract.NumMethod() {
				name := contract.Method(i).Name
				line := fmt.Sprintf("login_store_seconds_count{operation=%q,outcome=%q} 1\n", name, outcome)
				if outcome == metrics.OutcomeUnavailable {
					line = fmt.Sprintf("login_store_seconds_count{operation=\"any\",outcome=%q} %d\n", outcome, contract.NumMethod()-1)
				}
				if name != "Close" && !strings.Contains(body, line) {
					t.Errorf("the scrape lacks %s", line)
				}
			}
		})
	}
}

func TestOutcomeOf_ACallerWhoLeftIsNoFaultOfTheStore(t *testing.T) {
	if got := metrics.OutcomeOf(fmt.Errorf("query: %w", context.Canceled)); got != metrics.OutcomeRefused {
		t.Errorf("a cancelled call is %s", got)
	}
	if got := metrics.OutcomeOf(context.DeadlineExceeded); got != metrics.OutcomeUnavailable {
		t.Errorf("a call that took too long is %s", got)
	}
}

// callWithZeros calls a method with zero arguments and returns its last result.
func callWithZeros(method reflect.Value) error {
	args := []reflect.Value{}
	for i := range method.Type().NumIn() {
		args = append(args, reflect.Zero(method.Type().In(i)))
	}
	results := method.Call(args)
	err, _ := results[len(results)-1].Interface().(error)
	return err
}

// answering is a store that answers every call with one error.
type answering struct{ err error }

func (a answering) CreateUser(context.Context, login.UserAccount, *login.NewSession) error {
	return a.err
}
func (a answering) UserAccountByEmail(context.Context, string) (login.UserAccount, error) {
	return login.UserAccount{}, a.err
}
func (a answering) UserAccountByID(context.Context, string) (login.UserAccount, error) {
	return login.UserAccount{}, a.err
}
func (a answering) ListUsers(context.Context, login.UserFilter) ([]login.UserAccount, error) {
	return nil, a.err
}
func (a answering) UpdateAccount(context.Context, string, login.AccountChange, time.Time) error {
	return a.err
}
func (a answering) DeleteUser(context.Context, string, int) error         { return a.err }
func (a answering) CreateSession(context.Context, login.NewSession) error { return a.err }
func (a answering) SessionUserAccount(context.Context, string, time.Time) (login.Session, login.UserAccount, error) {
	return login.Session{}, login.UserAccount{}, a.err
}
func (a answering) LiveSessions(context.Context, string, time.Time) ([]login.Session, error) {
	return nil, a.err
}
func (a answering) EndSession(context.Context, string, string, time.Time) error { return a.err }
func (a answering) EndSessionByToken(context.Context, login.TokenKey, time.Time) (login.Session, error) {
	return login.Session{}, a.err
}
func (a answering) ReplaceUnopened(context.Context, login.UserAccount) (string, error) {
	return "", a.err
}
func (a answering) RemoveUnopened(context.Context, time.Time, int) ([]string, error) {
	return nil, a.err
}
func (a answering) EndAllSessions(context.Context, string, time.Time) error { return a.err }
func (a answering) RotateToken(context.Context, login.Rotation) (login.Rotated, error) {
	return login.Rotated{}, a.err
}
func (a answering) ReplaceHash(context.Context, string, string, string) error  { return a.err }
func (a answering) ChangePassword(context.Context, login.PasswordChange) error { return a.err }
func (a answering) Sweep(context.Context, login.Sweep) (int, error)            { return 0, a.err }
func (a answering) Ping(context.Context) error                                 { return a.err }
func (a answering) Close() error                                               { return a.err }
