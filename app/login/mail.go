package login

import (
	"context"
	"errors"
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

// decoy is the row that takes the place of a mail that must not be sent: it costs about
// the same work, and nothing comes of it.
func (m QueuedMail) decoy() QueuedMail {
	return QueuedMail{ID: m.ID, Kind: MailDecoy, Payload: MailPayload{Language: m.Payload.Language}, CreatedAt: m.CreatedAt, SentAt: m.CreatedAt}
}

// MailPayload is the data of a template apart from the link. It is stored as JSON.
type MailPayload struct {
	Name         string    `json:"name,omitempty"`
	Language     string    `json:"language,omitempty"`     // the language that was asked for, or the preferred ones, best first; there may be no template for them
	At           time.Time `json:"at,omitzero"`            // the time of the sign-up, of the request for a change, or of the event in a notice
	Account      string    `json:"account,omitempty"`      // of a change of address: the account's present address; of an invitation: the inviter's; as Masked shows it
	Organization string    `json:"organization,omitempty"` // of an invitation: the organisation's name, unless it looks like a link
	From         string    `json:"from,omitempty"`         // the address range of the client that caused the mail, if known
	MadeWith     string    `json:"madeWith,omitempty"`     // the mark of the key that made it, see MailSecret.Only
	Client       string    `json:"client,omitempty"`       // that client's User-Agent; a mail shows only names of browsers that it knows
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
