package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

type signingKey struct {
	KID    string
	Sealed []byte
}

const signingKeys = `SELECT kid, sealed FROM auth.signing_keys`

// SigningKeys implements token.Table.
func (s *Store) SigningKeys(ctx context.Context) (map[string][]byte, error) {
	rows, err := listOf(ctx, s, "reading the signing keys", pgx.RowToStructByPos[signingKey], signingKeys)
	return byKID(rows), err
}

// ChangeSigningKeys implements token.Table. Readers do not wait for its lock.
func (s *Store) ChangeSigningKeys(ctx context.Context, do func(present map[string][]byte) (put map[string][]byte, drop []string, err error)) error {
	const lock = `LOCK TABLE auth.signing_keys IN SHARE ROW EXCLUSIVE MODE`
	const put = `INSERT INTO auth.signing_keys (kid, sealed) VALUES ($1, $2) ON CONFLICT (kid) DO UPDATE SET sealed = excluded.sealed`
	const drop = `DELETE FROM auth.signing_keys WHERE kid = ANY($1)`
	return s.call(ctx, "changing the signing keys", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, lock); err != nil {
				return err
			}
			rows, err := collectIn(ctx, tx, pgx.RowToStructByPos[signingKey], signingKeys)
			if err != nil {
				return err
			}
			added, dropped, err := do(byKID(rows))
			if err != nil {
				return err
			}
			for kid, sealed := range added {
				if _, err := tx.Exec(ctx, put, kid, sealed); err != nil {
					return err
				}
			}
			_, err = tx.Exec(ctx, drop, dropped)
			return err
		})
	})
}

func byKID(rows []signingKey) map[string][]byte {
	keys := make(map[string][]byte, len(rows))
	for _, row := range rows {
		keys[row.KID] = row.Sealed
	}
	return keys
}
