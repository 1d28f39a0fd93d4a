package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"

	"hasura-login/app/login"
)

// Outcome says what a finding means for its record.
type Outcome string

// The outcomes.
const (
	Rejected Outcome = "rejected" // the record was not imported
	Left     Outcome = "left"     // the account was imported without this
)

// Finding is a line of the report.
type Finding struct {
	Line    int     `json:"line"`
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason"`
}

// Counts counts records.
type Counts struct {
	Read       int
	Added      int
	There      int // the account existed before
	Rejected   int
	NoPassword int // of the added accounts, those whose owners must set a new password
}

// Import imports the users of a file. After any interruption, run it again: it adds the
// missing accounts and ends in the same state.
type Import struct {
	Importer *login.Importer
	DryRun   bool
	Batch    int // accounts per transaction; 0: login.ImportBatch
	Report   func(Finding) error
	IDs      func(there, here string) error // called with the ids of each user; may be nil
	Progress func(Counts)

	counts Counts
	batch  []pending
	seen   map[uint64]int32 // the line of each address in this run
	seed   maphash.Seed
}

// pending is an account that waits for the rest of its batch.
type pending struct {
	line    int
	there   string // its id in the other system
	account login.NewAccount
}

// Run imports the reader's users. What it has added stays if it fails.
func (m *Import) Run(ctx context.Context, in Reader) (Counts, error) {
	m.counts, m.seen, m.seed = Counts{}, map[uint64]int32{}, maphash.MakeSeed()
	full := cmp.Or(m.Batch, login.ImportBatch)
	for {
		row, err := in.Next()
		if errors.Is(err, io.EOF) {
			return m.counts, m.flush(ctx)
		}
		if err != nil {
			return m.counts, errors.Join(m.flush(ctx), err)
		}
		m.counts.Read++
		if err := m.take(row); err != nil {
			return m.counts, err
		}
		if len(m.batch) == full {
			if err := m.flush(ctx); err != nil {
				return m.counts, err
			}
		}
		if err := ctx.Err(); err != nil {
			return m.counts, err
		}
	}
}

// take checks a row and puts it into the batch.
func (m *Import) take(row Row) error {
	if row.Err != nil {
		return m.reject(row.Line, row.Err)
	}
	account, err := m.Importer.Prepare(&row.Record)
	if err != nil {
		return m.reject(row.Line, err)
	}
	key := maphash.String(m.seed, account.User.Email)
	if first, twice := m.seen[key]; twice {
		return m.reject(row.Line, fmt.Errorf("the address is that of line %d too, in one form or another", first))
	}
	m.seen[key] = int32(row.Line) // #nosec G115 -- no file has that many lines
	for _, left := range row.Record.Left {
		if err := m.Report(Finding{row.Line, Left, left}); err != nil {
			return err
		}
	}
	m.batch = append(m.batch, pending{row.Line, row.Record.ID, account})
	return nil
}

func (m *Import) reject(line int, why error) error {
	m.counts.Rejected++
	reason := why.Error()
	var known *login.Error
	if errors.As(why, &known) {
		reason = known.Message
	}
	return m.Report(Finding{line, Rejected, strings.ToValidUTF8(reason, "�")})
}

// flush adds the batch.
func (m *Import) flush(ctx context.Context) error {
	if len(m.batch) == 0 {
		return nil
	}
	accounts := make([]login.NewAccount, len(m.batch))
	for i, p := range m.batch {
		accounts[i] = p.account
	}
	refused := map[int]error{}
	fates, err := m.Importer.Add(ctx, accounts, m.DryRun, func(place int, err error) { refused[place] = err })
	if err != nil {
		return err
	}
	for i, fate := range fates {
		if err := m.settle(m.batch[i], fate, refused[i]); err != nil {
			return err
		}
	}
	m.batch = m.batch[:0]
	m.Progress(m.counts)
	return nil
}

// settle counts the result for an account.
func (m *Import) settle(p pending, fate login.Imported, refused error) error {
	switch {
	case refused != nil:
		return m.reject(p.line, refused)
	case fate.Fate == login.ImportIDTaken:
		return m.reject(p.line, errors.New("a user with another address has this id"))
	case fate.Fate == login.ImportOtherUser:
		return m.reject(p.line, fmt.Errorf("the address belongs to a user with another id, %s", fate.UserID))
	case fate.Fate == login.ImportThere:
		m.counts.There++
	default:
		m.counts.Added++
		if n := len(p.account.Identities) - fate.Linked; n > 0 {
			if err := m.Report(Finding{p.line, Left, fmt.Sprintf("sign-in by other providers (%d), which another account has", n)}); err != nil {
				return err
			}
		}
		if n := len(p.account.Passkeys) - fate.Passkeys; n > 0 {
			if err := m.Report(Finding{p.line, Left, fmt.Sprintf("passkeys (%d), which another account has", n)}); err != nil {
				return err
			}
		}
		if p.account.Account.Password == "" && fate.Linked == 0 && fate.Passkeys == 0 {
			m.counts.NoPassword++
		}
	}
	if m.IDs == nil || p.there == "" {
		return nil
	}
	return m.IDs(p.there, fate.UserID)
}
