package login

import (
	"context"
	"time"
)

// MailFate says whether a mail was sent, was given up or still waits.
type MailFate struct {
	Kind      MailKind  `json:"kind"`
	CreatedAt time.Time `json:"createdAt"`
	Attempts  int       `json:"attempts"`
	SentAt    time.Time `json:"sentAt,omitzero"`
	FailedAt  time.Time `json:"failedAt,omitzero"`
}

// PasswordReset spends a token, replaces the hash and ends every session.
type PasswordReset struct {
	Token          TokenHash
	UserID         string
	SessionVersion int // as read with the token
	NewHash        string
	Session        *NewSession // of version SessionVersion+1; nil: none is opened
	Now            time.Time
}

// EmailChange spends a token of PurposeChangeEmail.
type EmailChange struct {
	Token  TokenHash
	Notice *QueuedMail // to the address that the account had; nil: none
	Now    time.Time
}

// MailStore keeps tokens that are sent by mail, and the mails to be sent. Every
// method is one transaction; errors are as of Store.
type MailStore interface {
	MailCodeStore
	// QueueMail adds a mail and, unless t is nil, its token. With as many live
	// tokens of the purpose as MailPurpose.Links allows (exact under parallel
	// calls), or without the user, it adds a decoy instead. It costs about the
	// same in every case.
	QueueMail(ctx context.Context, m QueuedMail, t *MailToken) error
	// AddMailToken stores a token that does not travel by mail. It replaces an earlier
	// one of this kind. ErrNotFound if there is no such user.
	AddMailToken(ctx context.Context, t MailToken) error
	// MailTokenUserAccount returns a token and its owner if it is live: not spent, not
	// expired, of the account's version, the account enabled and, but for a change of
	// address, its address still the one that the token was sent to. A spent token is
	// returned as long as the address that it confirmed is still confirmed
	// (MailToken.Confirmed) and no newer token has replaced its row. Otherwise
	// ErrTokenUnknown.
	MailTokenUserAccount(ctx context.Context, token TokenHash, now time.Time) (MailToken, UserAccount, error)
	// ResetPassword spends a live token, swaps hash and version and opens the
	// session of the new version. The token is of PurposeResetPassword, or of
	// PurposeVerifyEmail while the address is not verified. One that was sent to
	// the account's address verifies it. If the address was not verified before, the
	// account's identities go: another person than the mailbox's reader may have linked
	// them.
	// Of parallel calls with one token exactly one succeeds; ErrTokenUnknown for the
	// others and for any that is not live.
	ResetPassword(ctx context.Context, r PasswordReset) error
	// VerifyEmail spends a live token of PurposeVerifyEmail, marks the account's
	// address as verified and returns the account's id. Of parallel calls with
	// one token exactly one succeeds; ErrTokenUnknown.
	VerifyEmail(ctx context.Context, token TokenHash, now time.Time) (userID string, err error)
	// ChangeEmail spends a live token of PurposeChangeEmail: the address it was
	// sent to becomes the account's, verified, the account's other tokens are
	// void, and the notice is queued. ErrTokenUnknown, as for VerifyEmail;
	// ErrEmailTaken if another user has the address by now.
	ChangeEmail(ctx context.Context, c EmailChange) error
	// QueueNotice adds a mail unless its user got as many of its kind as rate
	// allows; then queued is false. Exact under parallel calls.
	QueueNotice(ctx context.Context, m QueuedMail, rate NoticeRate) (queued bool, err error)
}

// MaxQueuedMails is as far as waiting mails are counted: that a queue is longer is all
// that its alert needs.
const MaxQueuedMails = 10_000

// Outbox is the queue of mails, for the code that sends them.
type Outbox interface {
	// ClaimMail takes the mail that has been due longest and hides it from other
	// callers until the lease ends; ErrNotFound if none is due. Its Attempts count this
	// claim.
	ClaimMail(ctx context.Context, now time.Time, lease time.Duration) (QueuedMail, error)
	// RenewMailToken sets when a token expires; ErrTokenUnknown if it was spent,
	// replaced or voided, so that its mail is no longer needed.
	RenewMailToken(ctx context.Context, p MailPurpose, token TokenHash, expiresAt time.Time) error
	// MailSent marks a mail as taken by the mail server; ErrNotFound.
	MailSent(ctx context.Context, id string, now time.Time) error
	// PostponeMail makes a mail due again at next, unless another caller has claimed it
	// since the claim that counted attempts; ErrStale.
	PostponeMail(ctx context.Context, id string, attempts int, next time.Time) error
	// AbandonMail gives a mail up, under the same condition; ErrStale.
	AbandonMail(ctx context.Context, id string, attempts int, now time.Time) error
	// QueuedMails counts the mails that are neither sent nor given up, except those
	// that are planned for later than now. It stops at MaxQueuedMails.
	QueuedMails(ctx context.Context, now time.Time) (int, error)
	// MailsOf lists the mails that were queued for a user, newest first, without
	// decoys.
	MailsOf(ctx context.Context, userID string) ([]MailFate, error)
	// SweepMail deletes expired tokens and mails that were sent or given up
	// before the time given, at most batch of each, and returns how many.
	SweepMail(ctx context.Context, before time.Time, batch int) (int, error)
}
