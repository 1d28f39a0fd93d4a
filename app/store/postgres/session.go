package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

const sessionColumns = `
	s.id, s.user_id, s.version, s.created_at, s.last_used_at, s.idle_until, s.expires_at, s.ended_at, s.client_name, s.client_prefix, s.amr, s.elevated_at, s.origin_id, s.authenticated_at`

// newSessionColumns are those of a new row, in the order of sessionValues.
const newSessionColumns = `
	id, user_id, version, created_at, last_used_at, idle_until, expires_at, ended_at, client_name, client_prefix,
	family_hash, token_hash, amr, elevated_at, origin_id, authenticated_at`

// newSessionValues is how many values sessionValues gives.
const newSessionValues = 15

// live is true for a live session s of the account a at the time $2.
const live = `
	s.ended_at IS NULL AND s.version = a.session_version AND a.disabled_at IS NULL
	AND s.idle_until > $2 AND s.expires_at > $2`

type sessionRow struct {
	session                        login.Session
	amr                            string
	ended, elevated, authenticated *time.Time
	origin                         *string
}

func (r *sessionRow) targets() []any {
	s := &r.session
	return []any{
		&s.ID, &s.UserID, &s.SessionVersion, &s.CreatedAt, &s.LastUsedAt, &s.IdleUntil, &s.ExpiresAt, &r.ended, &s.ClientName, &s.ClientPrefix, &r.amr, &r.elevated, &r.origin, &r.authenticated,
	}
}

func (r *sessionRow) value() login.Session {
	s := r.session
	s.CreatedAt, s.LastUsedAt = s.CreatedAt.UTC(), s.LastUsedAt.UTC()
	s.IdleUntil, s.ExpiresAt = s.IdleUntil.UTC(), s.ExpiresAt.UTC()
	s.EndedAt, s.ElevatedAt, s.AuthenticatedAt = utc(r.ended), utc(r.elevated), utc(r.authenticated)
	s.AMR = strings.Fields(r.amr)
	if r.origin != nil {
		s.OriginID = *r.origin
	}
	return s
}

// sessionValues are the columns of a new row but for user_id.
func sessionValues(n login.NewSession) []any {
	s := n.Session
	return []any{
		s.ID, s.SessionVersion, s.CreatedAt, s.LastUsedAt, s.IdleUntil, s.ExpiresAt, orNull(s.EndedAt),
		sqlvalue.Text(s.ClientName), sqlvalue.Text(s.ClientPrefix), n.Token.Family[:], n.Token.Token[:],
		strings.Join(s.AMR, " "), orNull(s.ElevatedAt), idOrNull(s.OriginID), orNull(s.AuthenticatedAt),
	}
}

func idOrNull(id string) any {
	if id == "" {
		return nil
	}
	return id
}

// CreateSession implements login.Store. The two statements travel together as one
// transaction. The first locks the account after every earlier password change and
// sign-in of this user; the second begins after that and sees their results. This makes
// the check of the version and the number of live sessions exact.
//
// It does not wait for the disk (decision 4): if Postgres loses a session in a crash,
// its owner signs in again. Under a flood, everything would wait for the disk. The use of
// a passkey is lost only together with the session that it opened.
func (s *Store) CreateSession(ctx context.Context, n login.NewSession) error {
	// As a join, it reads nothing twice unless the session limit is exceeded. At an
	// older version of the account it only finds sessions that are over anyway.
	const endOldest = `
		UPDATE auth.sessions s SET ended_at = $2 FROM (
			SELECT id FROM auth.sessions
			WHERE user_id = $1 AND version = $3 AND ended_at IS NULL AND idle_until > $2 AND expires_at > $2
			ORDER BY id = $4 DESC, created_at DESC, id OFFSET $5
		) AS oldest WHERE s.id = oldest.id`
	const opened = `UPDATE auth.accounts SET unopened = false WHERE user_id = $1 AND session_version = $2 AND unopened`
	user, ok := sqlvalue.ID(n.Session.UserID)
	if !ok {
		return login.ErrStale
	}
	open, args := openSession, append([]any{user}, sessionValues(n)...)
	if n.Passkey != nil {
		open, args = openSessionByPasskey, append(args, passkeyUseValues(*n.Passkey)...)
	}
	return s.call(ctx, "opening a session", func(ctx context.Context) error {
		var batch pgx.Batch
		var rows int64
		batch.Queue(open, args...).Exec(func(tag pgconn.CommandTag) error {
			rows = tag.RowsAffected()
			return nil
		})
		batch.Queue(endOldest, user, n.Session.LastUsedAt, n.Session.SessionVersion, n.Session.ID, max(n.MaxLive, 1))
		if n.Opens {
			batch.Queue(opened, user, n.Session.SessionVersion)
		}
		switch err := s.pool.SendBatch(ctx, &batch); {
		case violates(err, uniqueViolation, "spent_challenges_pkey"):
			return login.ErrTokenUnknown
		case err != nil || rows == 1:
			return err
		case n.Passkey != nil:
			return s.notOpened(ctx, n)
		}
		return login.ErrStale
	})
}

// openSession makes a session of an account that has not changed.
const openSession = `
	WITH account AS (` + unchangedAccount + `)
	INSERT INTO auth.sessions (` + newSessionColumns + `)
	SELECT ` + newSession + ` FROM account`

const unchangedAccount = `
	SELECT user_id, session_version, set_config('synchronous_commit', 'off', true)
	FROM auth.accounts WHERE user_id = $1 AND session_version = $3 AND disabled_at IS NULL
	FOR NO KEY UPDATE`

const newSession = `$2, account.user_id, session_version, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::uuid, $16::timestamptz`

const sessionUserAccount = `SELECT ` + sessionColumns + `, ` + userAccountColumns + `
	FROM auth.sessions s
	JOIN auth.accounts a ON a.user_id = s.user_id
	JOIN public.users u ON u.id = s.user_id
	WHERE `

// SessionUserAccount implements login.Store.
func (s *Store) SessionUserAccount(ctx context.Context, sessionID string, now time.Time) (login.Session, login.UserAccount, error) {
	id, ok := sqlvalue.ID(sessionID)
	if !ok {
		return login.Session{}, login.UserAccount{}, login.ErrNotFound
	}
	return s.sessionUserAccount(ctx, "reading a session", sessionUserAccount+`s.id = $1 AND`+live, id, now)
}

func (s *Store) sessionUserAccount(ctx context.Context, doing, query string, args ...any) (login.Session, login.UserAccount, error) {
	var session sessionRow
	var userAccount userAccountRow
	err := s.queryRow(ctx, doing, login.ErrNotFound, query, args, func() []any {
		session, userAccount = sessionRow{}, userAccountRow{}
		return append(session.targets(), userAccount.targets()...)
	})
	if err != nil {
		return login.Session{}, login.UserAccount{}, err
	}
	return session.value(), userAccount.value(), nil
}

// SessionByToken implements login.Store.
func (s *Store) SessionByToken(ctx context.Context, token login.TokenKey, now time.Time) (login.Session, login.UserAccount, error) {
	const query = sessionUserAccount + `s.family_hash = $1 AND s.token_hash = $3 AND` + live
	return s.sessionUserAccount(ctx, "reading a session by token", query, token.Family[:], now, token.Token[:])
}

// TouchSession implements login.Store. Of parallel calls, one writes.
func (s *Store) TouchSession(ctx context.Context, sessionID string, before, now, idleUntil time.Time) error {
	const query = `
		UPDATE auth.sessions SET last_used_at = $2, idle_until = LEAST($3, expires_at)
		WHERE id = $1 AND ended_at IS NULL AND last_used_at < $4
		RETURNING set_config('synchronous_commit', 'off', true)`
	id, ok := sqlvalue.ID(sessionID)
	if !ok {
		return nil
	}
	return s.call(ctx, "touching a session", func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, query, id, now, idleUntil, before)
		return err
	})
}

// LiveSessions implements login.Store.
func (s *Store) LiveSessions(ctx context.Context, userID string, now time.Time) ([]login.Session, error) {
	const query = `SELECT ` + sessionColumns + `
		FROM auth.sessions s JOIN auth.accounts a ON a.user_id = s.user_id
		WHERE s.user_id = $1 AND` + live + `
		ORDER BY s.last_used_at DESC, s.created_at DESC, s.id`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	return listOf(ctx, s, "listing sessions", func(r pgx.CollectableRow) (login.Session, error) {
		var row sessionRow
		err := r.Scan(row.targets()...)
		return row.value(), err
	}, query, id, now)
}

// EndSession implements login.Store.
func (s *Store) EndSession(ctx context.Context, userID, sessionID string, now time.Time) error {
	const query = `
		UPDATE auth.sessions s SET ended_at = $2
		FROM auth.accounts a
		WHERE s.id = $1 AND s.user_id = $3 AND a.user_id = s.user_id AND` + live
	session, ok1 := sqlvalue.ID(sessionID)
	user, ok2 := sqlvalue.ID(userID)
	if !ok1 || !ok2 {
		return login.ErrNotFound
	}
	return s.exec(ctx, "ending a session", login.ErrNotFound, query, session, now, user)
}

// EndSessionByToken implements login.Store.
func (s *Store) EndSessionByToken(ctx context.Context, token login.TokenKey, now time.Time) (login.Session, error) {
	const query = `
		WITH presented AS (
			SELECT COALESCE(
				(SELECT id FROM auth.sessions WHERE family_hash = $1),
				(SELECT session_id FROM auth.refresh_tokens WHERE hash = $3)
			) AS id
		), ended AS (
			UPDATE auth.sessions s SET ended_at = $2
			FROM presented p, auth.accounts a
			WHERE s.id = p.id AND a.user_id = s.user_id AND` + live + `
			RETURNING ` + sessionColumns + `
		)
		SELECT true, * FROM ended
		UNION ALL
		SELECT false, ` + sessionColumns + ` FROM auth.sessions s JOIN presented p ON p.id = s.id WHERE NOT EXISTS (SELECT FROM ended)`
	var session sessionRow
	var ended bool
	err := s.queryRow(ctx, "ending a session by token", login.ErrTokenUnknown, query, []any{token.Family[:], now, token.Token[:]}, func() []any {
		session = sessionRow{}
		return append([]any{&ended}, session.targets()...)
	})
	if err != nil {
		return login.Session{}, err
	}
	if !ended {
		err = login.ErrTokenUnknown
	}
	return session.value(), err
}
