package login

import (
	"context"
	"slices"
	"time"
)

// Notices tell the owner of an account what happened to it. They hold no link: users
// should not learn to follow links in mails that urge them to hurry.
const (
	MailPasswordChanged MailKind = "password-changed"
	MailNewDevice       MailKind = "new-device"     // a sign-in without a device token
	MailSessionsEnded   MailKind = "sessions-ended" // a refresh token was reused
	MailEmailChanged    MailKind = "email-changed"  // to the address that the account had

	MailSecondFactorAdded   MailKind = "second-factor-added"
	MailSecondFactorRemoved MailKind = "second-factor-removed"
	MailRecoveryCodesMade   MailKind = "recovery-codes-made" // and earlier ones are void
	MailRecoveryCodeUsed    MailKind = "recovery-code-used"
	MailWrongCodes          MailKind = "wrong-codes" // somebody got as far as the second factor

	MailIdentityLinked   MailKind = "identity-linked"
	MailIdentityUnlinked MailKind = "identity-unlinked"

	MailPasskeyAdded    MailKind = "passkey-added"
	MailPasskeyRemoved  MailKind = "passkey-removed"
	MailPasswordRemoved MailKind = "password-removed"
)

// NoticeKinds returns every kind of notice.
func NoticeKinds() []MailKind {
	return []MailKind{
		MailPasswordChanged, MailNewDevice, MailSessionsEnded, MailEmailChanged,
		MailSecondFactorAdded, MailSecondFactorRemoved, MailRecoveryCodesMade, MailRecoveryCodeUsed,
		MailWrongCodes, MailIdentityLinked, MailIdentityUnlinked, MailPasskeyAdded, MailPasskeyRemoved, MailPasswordRemoved,
	}
}

// NoticeRate limits the notices of a kind to an account: Most of them in a window that
// begins with the first and lasts Every.
type NoticeRate struct {
	Most  int
	Every time.Duration
}

// noticeRate allows several notices, so that the owner's own acts leave room for a
// notice about a thief's. Further events are only in the audit trail. An unverified
// address may belong to a stranger, who must not be bothered because another person
// signed up with it.
func noticeRate(a Account) NoticeRate {
	if a.EmailVerifiedAt.IsZero() {
		return NoticeRate{Most: 3, Every: 24 * time.Hour}
	}
	return NoticeRate{Most: 3, Every: time.Hour}
}

func (s *Service) sends(kind MailKind) bool {
	return s.rules.MailEnabled && slices.Contains(s.rules.Notices, kind)
}

// notify queues a notice for an account's owner. The event has happened whether or not
// the notice can be queued; the store's metrics show when it could not.
func (s *Service) notify(ctx context.Context, kind MailKind, ua UserAccount, c Client) {
	if !s.sends(kind) || !s.mayTell(ctx, kind, ua, c) {
		return
	}
	mail, err := s.notice(kind, ua, c)
	if err != nil {
		return
	}
	queued, err := s.Mail.QueueNotice(context.WithoutCancel(ctx), mail, noticeRate(ua.Account))
	if err == nil && queued {
		s.mailQueued()
	}
}

// mayTell limits notices to an unverified mailbox, counted by mailbox: the count by
// account is lost when an account is deleted, and the next account can have the same
// address.
func (s *Service) mayTell(ctx context.Context, kind MailKind, ua UserAccount, c Client) bool {
	if !ua.Account.EmailVerifiedAt.IsZero() {
		return true
	}
	return s.mayMail(ctx, Attempt{Client: c, Recipient: ua.User.Email, Unsolicited: kind})
}

// mayMail asks the limit of a mailbox. Unlike reserve it records nothing: the caller is
// not refused and gets the same answer as if the mail were on its way.
func (s *Service) mayMail(ctx context.Context, a Attempt) bool {
	_, err := s.Limiter.Reserve(ctx, a)
	return err == nil
}

func (s *Service) notice(kind MailKind, ua UserAccount, c Client) (QueuedMail, error) {
	id, err := newID(s.Random)
	if err != nil {
		return QueuedMail{}, err
	}
	language, _ := mailLanguage("", c)
	payload := MailPayload{Name: salutation(ua, ua.User.Email), Language: language, At: s.Now().UTC()}.by(c)
	return QueuedMail{ID: id, UserID: ua.User.ID, Kind: kind, Recipient: ua.User.Email, Payload: payload, CreatedAt: payload.At}, nil
}
