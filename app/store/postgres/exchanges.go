package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hasura-login/app/login"
)

// Exchanges that wait for each other anyway share a transaction: one trip to the
// server and one commit for all. An exchange waits only while as many transactions as
// sharedTransactions run, so on an idle service it goes alone and at once.
const (
	sharedTransactions = 2
	maxShared          = 32
	// sharedWait bounds how long a locked session can hold up the others of its
	// transaction. Then each goes alone. It is below Postgres' deadlock_timeout.
	sharedWait = "50ms"
)

// errAlone asks the caller to exchange its token in a transaction of its own.
var errAlone = errors.New("the shared transaction failed")

// exchanges groups exchanges that come while others run.
type exchanges struct {
	run func(context.Context, []*exchanging) error

	mu      sync.Mutex
	running int
	waiting []*exchanging
}

// exchanging is a token in exchange.
type exchanging struct {
	login.Rotation
	session     sessionRow
	userAccount userAccountRow
	erase       bool  // whether recent has something to erase later
	err         error // pgx.ErrNoRows: it is not the newest of a live session

	turn  chan bool // true: run those that wait; false: it has been run
	leads bool      // guarded by exchanges.mu
}

// do exchanges a token, alone or with others. It returns ctx's error if that ends
// while another caller runs the transaction; the token may be exchanged then.
func (e *exchanges) do(ctx context.Context, x *exchanging) error {
	e.mu.Lock()
	if e.running < sharedTransactions {
		e.running++
		e.mu.Unlock()
		return e.lead(ctx, x, []*exchanging{x})
	}
	x.turn = make(chan bool, 1)
	e.waiting = append(e.waiting, x)
	e.mu.Unlock()
	select {
	case leads := <-x.turn:
		if !leads {
			return x.err
		}
		return e.lead(ctx, x, e.take(x))
	case <-ctx.Done():
		e.leave(x)
		return ctx.Err()
	}
}

// take returns x, which leads, and the first of those that wait.
func (e *exchanges) take(x *exchanging) []*exchanging {
	e.mu.Lock()
	defer e.mu.Unlock()
	group := []*exchanging{x}
	e.waiting = slices.DeleteFunc(e.waiting, func(other *exchanging) bool {
		taken := !other.leads && len(group) < maxShared
		if taken {
			group = append(group, other)
		}
		return taken || other == x
	})
	return group
}

// lead runs a group and gives its place to the next.
func (e *exchanges) lead(ctx context.Context, x *exchanging, group []*exchanging) error {
	if len(group) > 1 { // the others must not fail with the leader's request
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
		defer cancel()
		ctx = detached
	}
	err := e.run(ctx, group)
	e.mu.Lock()
	e.next()
	e.mu.Unlock()
	for _, other := range group {
		if err != nil {
			other.err = err
		}
		if other != x {
			other.turn <- false
		}
	}
	return x.err
}

// next gives a place to the first that waits and does not lead yet; if none does, the
// place is free.
func (e *exchanges) next() {
	for _, x := range e.waiting {
		if !x.leads {
			x.leads = true
			x.turn <- true
			return
		}
	}
	e.running--
}

// leave forgets x, whose caller has given up.
func (e *exchanges) leave(x *exchanging) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.Index(e.waiting, x)
	if i < 0 {
		return // it is being run
	}
	e.waiting = slices.Delete(e.waiting, i, i+1)
	if x.leads {
		e.next()
	}
}

// exchangeAll exchanges the tokens of a group in one transaction.
func (s *Store) exchangeAll(ctx context.Context, group []*exchanging) error {
	if len(group) == 1 {
		return s.exchangeAlone(ctx, group[0])
	}
	// Every replica takes the sessions in the same order.
	slices.SortFunc(group, func(a, b *exchanging) int {
		return bytes.Compare(a.Presented.Family[:], b.Presented.Family[:])
	})
	var batch pgx.Batch
	batch.Queue(`SELECT set_config('lock_timeout', '` + sharedWait + `', true)`)
	for _, x := range group {
		batch.Queue(exchange, x.arguments()...).QueryRow(func(row pgx.Row) error {
			x.err = row.Scan(x.targets()...)
			return nil
		})
	}
	err := s.pool.SendBatch(ctx, &batch)
	if answer := (*pgconn.PgError)(nil); errors.As(err, &answer) && answer.SeverityUnlocalized != "FATAL" {
		return errAlone // one of them failed, or a session is locked
	}
	return err
}

func (s *Store) exchangeAlone(ctx context.Context, x *exchanging) error {
	x.err = s.pool.QueryRow(ctx, exchange, x.arguments()...).Scan(x.targets()...)
	return nil
}

func (x *exchanging) arguments() []any {
	return []any{x.Presented.Family[:], x.Now, x.Presented.Token[:], x.Child[:], x.Nonce, x.IdleUntil, x.Grace}
}

func (x *exchanging) targets() []any {
	return append(append(x.session.targets(), x.userAccount.targets()...), &x.erase, nil)
}

func (x *exchanging) rotated() login.Rotated {
	return login.Rotated{UserAccount: x.userAccount.value(), Session: x.session.value(), Nonces: [][]byte{x.Nonce}}
}
