package login

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// MailPurpose says what a mailed token can do.
type MailPurpose string

const (
	// PurposeResetPassword lets its bearer set a new password.
	PurposeResetPassword MailPurpose = "reset-password"
	// PurposeVerifyEmail proves that mail to the account's address is read.
	PurposeVerifyEmail MailPurpose = "verify-email"
	// PurposeChangeEmail makes the address that it was sent to the account's.
	PurposeChangeEmail MailPurpose = "change-email"
	// PurposeSignIn opens a session.
	PurposeSignIn MailPurpose = "sign-in"
	// PurposeInvitation is that of an Invitation, which is kept elsewhere than MailTokens.
	PurposeInvitation MailPurpose = "invitation"
)

// MailKind names a mail, for templates, metrics and the webhook.
type MailKind string

// Each carries a link with a token of the purpose of the same name.
const (
	MailResetPassword MailKind = "reset-password"
	MailVerifyEmail   MailKind = "verify-email"
	MailChangeEmail   MailKind = "change-email"
)

// MailSetPassword carries a link to set a password that its account does not have: a
// token of PurposeResetPassword with a longer life, because no one waits for this mail.
// Templates and webhooks know it as "invitation"; it is none in the sense of Invitation.
const MailSetPassword MailKind = "invitation"

// Invitations carry a link with a token of PurposeInvitation.
const (
	MailOrganizationInvitation MailKind = "organization-invitation"
	MailSignUpInvitation       MailKind = "sign-up-invitation" // of an operator
)

// MailDecoy is a row for an address to which nothing is sent.
const MailDecoy MailKind = "decoy"

// MailKinds returns every kind that is sent.
func MailKinds() []MailKind {
	return slices.Concat(linkKinds(), []MailKind{MailSignInCode, MailElevationCode}, NoticeKinds())
}

func linkKinds() []MailKind {
	return []MailKind{MailResetPassword, MailVerifyEmail, MailChangeEmail, MailSignInLink, MailSetPassword, MailOrganizationInvitation, MailSignUpInvitation}
}

// Purpose says what the token in a mail of this kind can do; it is empty if the mail
// carries none.
func (k MailKind) Purpose() MailPurpose {
	switch k {
	case MailSetPassword:
		return PurposeResetPassword
	case MailOrganizationInvitation, MailSignUpInvitation:
		return PurposeInvitation
	}
	if slices.Contains(linkKinds(), k) {
		return MailPurpose(k)
	}
	return ""
}

// LinkLife is how long the link in a mail of this kind works.
func (k MailKind) LinkLife() time.Duration {
	if k == MailSetPassword {
		return InvitationLife
	}
	return k.Purpose().Life()
}

const (
	// ResetTokenLife is how long a link to reset a password works. All lives are
	// counted from the last attempt to send the link.
	ResetTokenLife = 30 * time.Minute
	// VerifyTokenLife is longer: the link opens nothing, and people sign up
	// where they do not read their mail.
	VerifyTokenLife = 24 * time.Hour
	// ChangeTokenLife is how long a link to change the account's address works.
	ChangeTokenLife = time.Hour
	mailTokenBytes  = 32
)

// Life is how long a token of this purpose works.
func (p MailPurpose) Life() time.Duration {
	switch p {
	case PurposeVerifyEmail:
		return VerifyTokenLife
	case PurposeChangeEmail:
		return ChangeTokenLife
	case PurposeSignIn:
		return MailCodeLife
	case PurposeInvitation:
		return InvitationLife
	default:
		return ResetTokenLife
	}
}

// Links is the number of mailed tokens of this purpose that an account can have at
// once. While that many are live, no further mail is sent: the mailbox holds working
// links, and another request cannot void them. 0: a newer token replaces the older one.
func (p MailPurpose) Links() int {
	switch p {
	case PurposeVerifyEmail:
		return 5
	case PurposeChangeEmail:
		return 0 // only the account's owner can ask, and may have mistyped the address
	default:
		return 3
	}
}

// MailToken is a row of auth.mail_tokens.
type MailToken struct {
	Hash           TokenHash
	UserID         string
	Purpose        MailPurpose
	Email          string // the address it is sent to; empty: it does not travel by mail and proves no mailbox
	SessionVersion int    // as of Account.SessionVersionFor; a token of another version is void
	CreatedAt      time.Time
	ExpiresAt      time.Time
	SpentAt        time.Time // zero: not spent
}

// SessionVersionFor is the version that a token of a purpose is bound to. A change of address
// ends with the sessions that could confirm it; the other links prove a mailbox
// and outlive them.
func (a Account) SessionVersionFor(p MailPurpose) int {
	if p == PurposeChangeEmail {
		return a.SessionVersion
	}
	return a.PasswordVersion
}

// Confirmed reports whether the address of ua that this token could confirm is
// confirmed already, by this link or by another one to the same mailbox.
func (t MailToken) Confirmed(ua UserAccount) bool {
	confirms := t.Purpose == PurposeVerifyEmail || t.Purpose == PurposeChangeEmail
	return confirms && t.Email == ua.User.Email && !ua.Account.EmailVerifiedAt.IsZero()
}

// QueuedMail is a row of auth.outbox. It holds no token: the token is derived from the
// row's id when the mail is sent (see MailSecret).
type QueuedMail struct {
	ID        string // UUID; the same at every attempt, so the Message-ID is too
	UserID    string // empty: an address without an account
	Kind      MailKind
	Recipient string
	Payload   MailPayload
	CreatedAt time.Time
	SentAt    time.Time // zero: not sent
	Attempts  int       // to send it, the one under way included
}

// MailFate says whether a mail was sent, was given up or still waits.
type MailFate struct {
	Kind      MailKind  `json:"kind"`
	CreatedAt time.Time `json:"createdAt"`
	Attempts  int       `json:"attempts"`
	SentAt    time.Time `json:"sentAt,omitzero"`
	FailedAt  time.Time `json:"failedAt,omitzero"`
}

// MailPayload is the data of a template apart from the link. It is stored as JSON.
type MailPayload struct {
	Name         string    `json:"name,omitempty"`
	Language     string    `json:"language,omitempty"`     // the language that was asked for, or the preferred ones, best first; there may be no template for them
	At           time.Time `json:"at,omitzero"`            // the time of the sign-up, of the request for a change, or of the event in a notice
	Account      string    `json:"account,omitempty"`      // of a change of address: the account's present address; of an invitation: the inviter's; as Masked shows it
	Organization string    `json:"organization,omitempty"` // of an invitation: the organisation's name, unless it looks like a link
	From         string    `json:"from,omitempty"`         // the address range of the client that caused the mail, if known
	Client       string    `json:"client,omitempty"`       // that client's User-Agent; a mail shows only names of browsers that it knows
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

// by notes which client caused a mail.
func (p MailPayload) by(c Client) MailPayload {
	p.Client = c.Name
	if c.Addr.IsValid() {
		p.From = c.Prefix()
	}
	return p
}

// Letter is a mail with everything that its template needs.
type Letter struct {
	ID        string // stable over attempts
	Kind      MailKind
	Recipient string
	Payload   MailPayload
	Link      string        // empty for a notice
	Code      string        // of MailKind.HasCode
	ValidFor  time.Duration // how long link and code work
}

// Mailer hands letters to a mail server or webhook.
type Mailer interface {
	// Send returns once the other side has answered. ErrMailRefused: it will
	// never take this letter. Any other error: it may later.
	Send(ctx context.Context, l Letter) error
}

// ErrMailRefused means that the mail server refused a letter for good.
var ErrMailRefused = errors.New("mail refused for good")

// MailSecret derives the token in a mail from the mail's id (RFC 5869; the id is
// the salt), so that neither the tokens nor the queue hold anything that opens
// an account, and every attempt to send a mail sends the same link.
type MailSecret struct {
	// Keys returns the keys, the newest first. Older ones are for mails that were queued
	// before a rotation.
	Keys func() [][]byte
}

// Tokens returns the token that a mail may carry, for each key.
func (s MailSecret) Tokens(mailID string) ([]string, error) {
	keys := s.Keys()
	tokens := make([]string, 0, len(keys))
	for _, key := range keys {
		b, err := hkdf.Key(sha256.New, key, []byte(mailID), "hasura-login mail token", mailTokenBytes)
		if err != nil {
			return nil, fmt.Errorf("deriving a mail token: %w", err)
		}
		tokens = append(tokens, base64.RawURLEncoding.EncodeToString(b))
	}
	if len(tokens) == 0 {
		return nil, errors.New("deriving a mail token: there is no key")
	}
	return tokens, nil
}

// HashMailToken returns the hash under which a token is stored. ok is false if the text
// cannot be a token.
func HashMailToken(token string) (hash TokenHash, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != mailTokenBytes {
		return hash, false
	}
	return sha256.Sum256(b), true
}

// newMailToken draws a token that does not travel by mail.
func newMailToken(random io.Reader) (string, error) {
	var b [mailTokenBytes]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("drawing a mail token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// newToken is the stored form of a token for ua that is mailed to an address. An empty
// address means that the token does not travel by mail.
func newToken(p MailPurpose, ua UserAccount, email, token string, now time.Time) *MailToken {
	hash, _ := HashMailToken(token)
	return &MailToken{
		Hash: hash, UserID: ua.User.ID, Purpose: p, Email: email, SessionVersion: ua.Account.SessionVersionFor(p),
		CreatedAt: now, ExpiresAt: now.Add(p.Life()),
	}
}
