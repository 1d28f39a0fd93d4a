package metrics

import (
	"context"
	"time"

	"hasura-login/app/login"
)

// TimedMailStore returns next with every method's time recorded in m.
func TimedMailStore(next login.MailStore, m *Metrics) login.MailStore {
	return timedMailStore{next, timedStore{m: m}}
}

type timedMailStore struct {
	next  login.MailStore
	timed timedStore
}

func (s timedMailStore) QueueMail(ctx context.Context, m login.QueuedMail, t *login.MailToken) (err error) {
	defer s.timed.since("QueueMail", time.Now(), &err)
	return s.next.QueueMail(ctx, m, t)
}

func (s timedMailStore) AddMailCode(ctx context.Context, c login.MailCode) (err error) {
	defer s.timed.since("AddMailCode", time.Now(), &err)
	return s.next.AddMailCode(ctx, c)
}

func (s timedMailStore) TryMailCode(ctx context.Context, hash login.TokenHash, p login.MailCodePurpose, now time.Time) (_ login.MailCode, err error) {
	defer s.timed.since("TryMailCode", time.Now(), &err)
	return s.next.TryMailCode(ctx, hash, p, now)
}

func (s timedMailStore) EndMailCode(ctx context.Context, hash login.TokenHash) (err error) {
	defer s.timed.since("EndMailCode", time.Now(), &err)
	return s.next.EndMailCode(ctx, hash)
}

func (s timedMailStore) SpendSignIn(ctx context.Context, token login.TokenHash, takeOver bool, now time.Time) (err error) {
	defer s.timed.since("SpendSignIn", time.Now(), &err)
	return s.next.SpendSignIn(ctx, token, takeOver, now)
}

func (s timedMailStore) VerifyMailbox(ctx context.Context, userID, email string, now time.Time) (err error) {
	defer s.timed.since("VerifyMailbox", time.Now(), &err)
	return s.next.VerifyMailbox(ctx, userID, email, now)
}

func (s timedMailStore) AddMailToken(ctx context.Context, t login.MailToken) (err error) {
	defer s.timed.since("AddMailToken", time.Now(), &err)
	return s.next.AddMailToken(ctx, t)
}

func (s timedMailStore) MailTokenUserAccount(ctx context.Context, token login.TokenHash, now time.Time) (_ login.MailToken, _ login.UserAccount, err error) {
	defer s.timed.since("MailTokenUserAccount", time.Now(), &err)
	return s.next.MailTokenUserAccount(ctx, token, now)
}

func (s timedMailStore) ResetPassword(ctx context.Context, r login.PasswordReset) (err error) {
	defer s.timed.since("ResetPassword", time.Now(), &err)
	return s.next.ResetPassword(ctx, r)
}

func (s timedMailStore) VerifyEmail(ctx context.Context, token login.TokenHash, now time.Time) (_ string, err error) {
	defer s.timed.since("VerifyEmail", time.Now(), &err)
	return s.next.VerifyEmail(ctx, token, now)
}

func (s timedMailStore) ChangeEmail(ctx context.Context, c login.EmailChange) (err error) {
	defer s.timed.since("ChangeEmail", time.Now(), &err)
	return s.next.ChangeEmail(ctx, c)
}

func (s timedMailStore) QueueNotice(ctx context.Context, m login.QueuedMail, rate login.NoticeRate) (_ bool, err error) {
	defer s.timed.since("QueueNotice", time.Now(), &err)
	return s.next.QueueNotice(ctx, m, rate)
}
