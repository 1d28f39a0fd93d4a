package cmd

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/mail"
	"hasura-login/app/metrics"
)

// Post is the service's connection to a mail server or webhook.
type Post struct {
	mailer login.Mailer
	links  map[login.MailKind]mail.Link
}

// NewPost reads the MAIL_* settings; nil if they name neither a mail server nor a webhook.
func NewPost(cfg config.Config) (*Post, error) {
	if !cfg.SendsMail() {
		if cfg.RequireVerifiedEmail {
			return nil, fmt.Errorf("%sREQUIRE_VERIFIED_EMAIL: needs a way to send mail: %sMAIL_SMTP_HOST or %sMAIL_WEBHOOK_URL", config.Prefix, config.Prefix, config.Prefix)
		}
		if cfg.MailSignIn != string(login.MailSignInOff) {
			return nil, fmt.Errorf("%sMAIL_SIGNIN: needs a way to send mail: %sMAIL_SMTP_HOST or %sMAIL_WEBHOOK_URL", config.Prefix, config.Prefix, config.Prefix)
		}
		return nil, nil
	}
	letters, err := templates(cfg)
	if err != nil {
		return nil, err
	}
	links, err := mailLinks(linkToReset(cfg), linkToVerify(cfg), linkToSignIn(cfg), linkToInvitation(cfg))
	if err != nil {
		return nil, err
	}
	var mailer login.Mailer
	if cfg.MailSMTPHost != "" {
		mailer, err = mail.NewSMTP(mail.SMTP{
			Host: cfg.MailSMTPHost, Port: cfg.MailSMTPPort, ImplicitTLS: cfg.MailSMTPTLS == "tls",
			User: cfg.MailSMTPUser, Password: cfg.MailSMTPPassword.Value, From: cfg.MailFrom,
		}, letters)
	} else {
		mailer, err = mail.NewWebhook(mail.Webhook{URL: cfg.MailWebhookURL, Secret: cfg.MailWebhookSecret.Value, Now: time.Now}, letters)
	}
	if err != nil {
		return nil, fmt.Errorf("sending mail: %w", err)
	}
	return &Post{mailer, links}, nil
}

// NewPrintingPost sends as the settings say. If they name neither a mail server nor a
// webhook, it prints the mails and hands them to keep. reset and verify are the links if
// the settings have none.
func NewPrintingPost(cfg config.Config, out io.Writer, keep func(mail.Shown), reset, verify string) (*Post, error) {
	if cfg.SendsMail() {
		return NewPost(cfg)
	}
	letters, err := templates(cfg)
	if err != nil {
		return nil, err
	}
	links, err := mailLinks(cmp.Or(linkToReset(cfg), reset), cmp.Or(linkToVerify(cfg), verify), linkToSignIn(cfg), linkToInvitation(cfg))
	if err != nil {
		return nil, err
	}
	return &Post{mail.NewShow(out, keep, letters), links}, nil
}

func mailLinks(reset, verify, signIn, invitation string) (map[login.MailKind]mail.Link, error) {
	resetLink, err := mail.ParseLink(reset)
	if err != nil {
		return nil, fmt.Errorf("%sMAIL_RESET_LINK: %w", config.Prefix, err)
	}
	verifyLink, err := mail.ParseLink(verify)
	if err != nil {
		return nil, fmt.Errorf("%sMAIL_VERIFY_LINK: %w", config.Prefix, err)
	}
	links := map[login.MailKind]mail.Link{
		login.MailResetPassword: resetLink, login.MailSetPassword: resetLink, login.MailVerifyEmail: verifyLink, login.MailChangeEmail: verifyLink,
	}
	if signIn != "" {
		if links[login.MailSignInLink], err = mail.ParseLink(signIn); err != nil {
			return nil, fmt.Errorf("%sMAIL_SIGNIN_LINK: %w", config.Prefix, err)
		}
	}
	if invitation != "" {
		link, err := mail.ParseLink(invitation)
		if err != nil {
			return nil, fmt.Errorf("%sMAIL_INVITATION_LINK: %w", config.Prefix, err)
		}
		links[login.MailOrganizationInvitation], links[login.MailSignUpInvitation] = link, link
	}
	return links, nil
}

// mailSecret derives the tokens in mails from the server secret, which all
// replicas share.
func mailSecret(cfg config.Config) login.MailSecret {
	return login.MailSecret{Keys: func() [][]byte { return bytesOf(cfg.ServerSecret.Values()) }}
}

func newMailWorker(cfg config.Config, now func() time.Time, p *Post, outbox login.Outbox, m *metrics.Metrics, log *zap.Logger) *mail.Worker {
	return mail.NewWorker(mail.Config{
		Outbox: outbox, Mailer: p.mailer, Secret: mailSecret(cfg), Links: p.links, Observer: m, Now: now,
		Failed: func(mailID string, err error) { log.Warn("mail", zap.String("mail", mailID), zap.Error(err)) },
	})
}
