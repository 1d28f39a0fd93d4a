package login

import (
	"context"
	"errors"
)

// EmailStore is a Store for bringing addresses to their one form.
type EmailStore interface {
	// ListEmails returns id and address of users, those without an account too, in
	// the order of their id, after the id given (empty: from the start).
	ListEmails(ctx context.Context, afterID string, limit int) ([]User, error)
	// RespellEmail replaces a user's address with another form of the same address, by
	// compare-and-set. The address stays verified if it was; mailed links become void.
	// ErrStale; ErrEmailTaken if another user has that form.
	RespellEmail(ctx context.Context, userID, from, to string) error
}

// Respelling is what became of a stored address that was not in its one form.
type Respelling struct {
	UserID string
	From   string
	To     string // empty: there is no such form, see Err
	// Err is nil if the address has its normal form now, or would get it without a dry
	// run. ErrEmailTaken: another user's address has the same normal form, and a person
	// must decide which user keeps it.
	Err error
}

const normalizeBatch = 1000

// NormalizeEmails brings stored addresses to the form of NormalizeEmail, for rows that
// are older than that form, and reports each. If the addresses of several users would
// become the same, it changes none of them. With dryRun it changes nothing.
func (o *Operator) NormalizeEmails(ctx context.Context, dryRun bool, tell func(Respelling) error) error {
	malformed, owners, err := o.malformedEmails(ctx)
	if err != nil {
		return err
	}
	for _, r := range malformed {
		if r.Err == nil && owners[r.To] > 1 {
			r.Err = ErrEmailTaken
		}
		if r.Err == nil && !dryRun {
			r.Err = o.Emails.RespellEmail(ctx, r.UserID, r.From, r.To)
			if r.Err != nil && !errors.Is(r.Err, ErrEmailTaken) && !errors.Is(r.Err, ErrStale) {
				return r.Err
			}
			if r.Err == nil {
				if err := o.record(ctx, EventEmailRespelled, r.UserID); err != nil {
					return err
				}
			}
		}
		if err := tell(r); err != nil {
			return err
		}
	}
	return nil
}

// malformedEmails lists the addresses that are not in their normal form. For each of the
// normal forms it counts the users who have it or would get it.
func (o *Operator) malformedEmails(ctx context.Context) (malformed []Respelling, owners map[string]int, err error) {
	owners = map[string]int{}
	err = o.everyEmail(ctx, func(u User) {
		form, err := NormalizeEmail(u.Email)
		if err != nil || form != u.Email {
			malformed = append(malformed, Respelling{UserID: u.ID, From: u.Email, To: form, Err: err})
		}
		if err == nil && form != u.Email {
			owners[form]++
		}
	})
	if err != nil || len(owners) == 0 {
		return malformed, owners, err
	}
	err = o.everyEmail(ctx, func(u User) {
		if _, wanted := owners[u.Email]; wanted {
			owners[u.Email]++
		}
	})
	return malformed, owners, err
}

func (o *Operator) everyEmail(ctx context.Context, see func(User)) error {
	for after := ""; ; {
		users, err := o.Emails.ListEmails(ctx, after, normalizeBatch)
		if err != nil {
			return err
		}
		for _, u := range users {
			see(u)
		}
		if len(users) < normalizeBatch {
			return nil
		}
		after = users[len(users)-1].ID
	}
}
