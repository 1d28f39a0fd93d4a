package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

// Bench measures the calls that load causes: above all refreshes of many users at once,
// and the calls of a sign-in.
func Bench(b *testing.B, open func(b *testing.B) login.Store) {
	store := open(b)
	const accounts = 200
	users, tokens := make([]login.UserAccount, accounts), make([]login.TokenKey, accounts)
	now := time.Now()
	session := func(ua login.UserAccount) login.NewSession {
		return login.NewSession{
			Session: login.Session{
				ID: uuid.NewString(), UserID: ua.User.ID, SessionVersion: 1, CreatedAt: now, LastUsedAt: now,
				IdleUntil: now.Add(idle), ExpiresAt: now.Add(lifetime), ClientName: "Firefox", ClientPrefix: "192.0.2.7/32",
			},
			Token: newChainToken(), MaxLive: 20,
		}
	}
	for i := range users {
		users[i] = login.UserAccount{
			User:    login.User{ID: uuid.NewString(), Email: email(i), Name: "Ann Example", CreatedAt: now, UpdatedAt: now},
			Account: login.Account{Password: "hash", Roles: []string{"user"}, DefaultRole: "user", SessionVersion: 1},
		}
		n := session(users[i])
		tokens[i] = n.Token
		if err := store.CreateUser(b.Context(), users[i], &n); err != nil {
			b.Fatal(err)
		}
	}
	run := func(name string, call func(user int) error) {
		b.Run(name, func(b *testing.B) {
			var next atomic.Int32
			b.SetParallelism(16) // times the number of cores
			b.RunParallel(func(pb *testing.PB) {
				user := int(next.Add(1)) % accounts
				for pb.Next() {
					if err := call(user); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
	run("RotateToken", func(user int) error {
		r := newRotation(tokens[user], time.Now())
		_, err := store.RotateToken(b.Context(), r)
		tokens[user] = childOf(r)
		return err
	})
	run("UserAccountByEmail", func(user int) error {
		_, err := store.UserAccountByEmail(b.Context(), users[user].User.Email)
		return err
	})
	run("CreateSession", func(user int) error {
		return store.CreateSession(b.Context(), session(users[user]))
	})
}
