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
