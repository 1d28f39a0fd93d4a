package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hasura-login/app/store/postgres"
)

func TestExchanges_ShareATransactionOnlyWhileOthersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		e := postgres.NewExchanges(func(_ context.Context, tokens []int) error {
			sizes = append(sizes, len(tokens))
			time.Sleep(time.Second)
			return nil
		})
		begun := time.Now()
		for range 3 { // one after the other: nobody to wait for
			if err := e.Do(t.Context(), 0); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("three in a row took %v: one waited", took)
		}
		sizes = nil
		for i := range 72 {
			go func() {
				if err := e.Do(t.Context(), i); err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}()
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		total := 0
		for _, n := range sizes {
			total += n
		}
		if got, want := fmt.Sprint(sizes[:4]), "[1 1 32 32]"; got != want || total != 72 {
			t.Errorf("groups of %s, and %d in all, want %s and 72", got, total, want)
		}
	})
}

// A caller that gives up must not take others along, nor the place it was given.
func TestExchanges_GoOnWithoutThoseThatGiveUp(t *testing.T) {
	for name, patience := range map[string]time.Duration{"while it waits": time.Second / 2, "when its turn comes": time.Second, "while it runs": 3 * time.Second / 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := postgres.NewExchanges(func(ctx context.Context, tokens []int) error {
					time.Sleep(time.Second)
					if len(tokens) > 1 && ctx.Err() != nil {
						return errors.New("ended with the request of another")
					}
					return nil
				})
				for i := range 10 {
					ctx := t.Context()
					if i >= 2 && i < 5 {
						limited, cancel := context.WithTimeout(ctx, patience)
						defer cancel()
						ctx = limited
					}
					go func() {
						if err := e.Do(ctx, i); err != nil && !(ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded)) {
							t.Errorf("%d: %v", i, err)
						}
					}()
					synctest.Wait()
				}
				time.Sleep(time.Minute)
				begun := time.Now()
				for range 2 {
					go func() { _ = e.Do(t.Context(), 0) }()
				}
				synctest.Wait()
				if err := e.Do(t.Context(), 0); err != nil || time.Since(begun) != 2*time.Second {
					t.Errorf("afterwards: %v after %v: not both places are free", err, time.Since(begun))
				}
			})
		})
	}
}

// sharedTransactions has many refresh at once, among them one whose session is locked and
// one whose exchange the server refuses: only these two may notice.
func (f *fixture) sharedTransactions(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	families := newFamilies(t, store, 40)
	f.Exec(t, database, `
		CREATE FUNCTION auth.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
		CREATE TRIGGER refuse BEFORE UPDATE ON auth.sessions FOR EACH ROW
		WHEN (OLD.client_name = 'refused') EXECUTE FUNCTION auth.refuse()`)
	locker := f.connect(t, f.URL(database))
	exec(t, locker, `UPDATE auth.sessions SET client_name = 'refused' WHERE user_id = (SELECT id FROM public.users WHERE email = 'user01@example.org')`)
	exec(t, locker, `BEGIN`)
	exec(t, locker, `SELECT FROM auth.sessions WHERE user_id = (SELECT id FROM public.users WHERE email = 'user00@example.org') FOR UPDATE`)
	locked := make(chan error, 1)
	go func() { locked <- families[0].Step(t.Context()) }()
	refused := make(chan error, 1)
	go func() { refused <- families[1].Step(t.Context()) }()
	for i, r := range stepAll(t.Context(), families[2:], 5) {
		if r.err != nil || r.unavailable > 0 {
			t.Errorf("family %d: %v, %d times unavailable", i+2, r.err, r.unavailable)
		}
	}
	if err := <-refused; err == nil {
		t.Error("the refused exchange succeeded")
	}
	select {
	case err := <-locked:
		t.Errorf("the locked session's exchange ended: %v", err)
	default:
	}
	exec(t, locker, `ROLLBACK`)
	if err := <-locked; err != nil {
		t.Errorf("the locked session's exchange: %v", err)
	}
}
