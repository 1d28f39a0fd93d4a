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
	// RespellEmail writes the address that a user has in another form, by
	// compare-and-set: what is known of it stays, links under way are void.
	// ErrStale; ErrEmailTaken if somebody has that form.
	RespellEmail(ctx context.Context, userID, from, to string) error
}

// Respelling is what became of a stored address that was not in its one form.
type Respelling struct {
	UserID string
	From   string
	To     string // empty: there is no such form, see Err
	// Err is nil where the address has, or with a dry run would get, its form.
	// ErrEmailTaken: another user's address has, or gets, the same form. Who of
	// them is to keep it, a person decides.
	Err error
}

const normalizeBatch = 1000

// NormalizeEmails brings stored addresses to the form of NormalizeEmail, as rows of
// before that form need it, and tells of each. Of users whose addresses become one
// it changes none. With dryRun it changes nothing at all.
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

// malformedEmails lists the addresses that are not in their form, and counts how
// many users have, or would get, each of the forms they are to have.
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
