package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
)

const (
	// pingRead is not one join of all: planning it takes ten times as long.
	pingRead = `
		SELECT FROM public.users WHERE false
		UNION ALL SELECT FROM auth.accounts WHERE false
		UNION ALL SELECT FROM auth.sessions WHERE false AND idle_check_at IS NULL
		UNION ALL SELECT FROM auth.refresh_tokens WHERE false
		UNION ALL SELECT FROM auth.mail_tokens WHERE slot < 0 AND false
		UNION ALL SELECT FROM auth.outbox WHERE false
		UNION ALL SELECT FROM auth.notices WHERE false
		UNION ALL SELECT FROM auth.totp WHERE false
		UNION ALL SELECT FROM auth.recovery_codes WHERE false
		UNION ALL SELECT FROM auth.challenges WHERE false
		UNION ALL SELECT FROM auth.user_handles WHERE false
		UNION ALL SELECT FROM auth.passkeys WHERE false
		UNION ALL SELECT FROM auth.spent_challenges WHERE false
		UNION ALL SELECT FROM auth.identities WHERE false
		UNION ALL SELECT FROM auth.spent_flows WHERE false
		UNION ALL SELECT FROM auth.invitations WHERE false`
	pingOrganizations = `SELECT FROM public.organizations WHERE false UNION ALL SELECT FROM public.memberships WHERE false`
	// pingWrite adds no row, but a server or role that only reads refuses it.
	pingWrite = `INSERT INTO auth.sessions (id) SELECT NULL::uuid WHERE false`
	// pingLog makes the transaction wait for the disk, and for a synchronous standby,
	// as a sign-up does. The message is only in the write-ahead log; Postgres keeps
	// nothing else of it.
	pingLog = `SELECT pg_logical_emit_message(true, 'hasura-login', '')`
	// pingDisk needs more memory than it is given, so Postgres writes a temporary file
	// of 200 kB and deletes it: a table's file that has room left would not show that
	// the disk is full.
	pingMemory = `SELECT set_config('work_mem', '64kB', true)`
	pingDisk   = `WITH rows AS MATERIALIZED (SELECT repeat('x', 8000) FROM generate_series(1, 25)) SELECT count(*) FROM rows`
)

// Ping checks that the database is reachable, has the tables and grants, and can write.
// It leaves nothing behind.
func (s *Store) Ping(ctx context.Context) error {
	return s.call(ctx, "pinging the database", func(ctx context.Context) error {
		var batch pgx.Batch
		if s.organizations {
			batch.Queue(pingOrganizations)
		}
		for _, query := range []string{pingRead, pingWrite, pingLog, pingMemory, pingDisk} {
			batch.Queue(query)
		}
		err := s.pool.SendBatch(ctx, &batch)
		if violates(err, limitExceeded, "") {
			return nil // temp_file_limit: the file was refused, the disk was not asked
		}
		return err
	})
}

// ForgetsAfterFailover reports whether the server has standbys and waits for none of them,
// so that a failover undoes the newest changes. A role without pg_monitor sees how many
// standbys there are, but not more.
func (s *Store) ForgetsAfterFailover(ctx context.Context) (forgets bool, err error) {
	const query = `SELECT current_setting('synchronous_standby_names') = '' AND EXISTS (SELECT FROM pg_stat_replication)`
	err = s.queryRow(ctx, "reading the replication", login.ErrNotFound, query, nil, func() []any { return []any{&forgets} })
	return forgets, err
}
