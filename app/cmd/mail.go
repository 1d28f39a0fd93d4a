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

// post is what the service needs to send mail.
type post struct {
	mailer login.Mailer
	links  map[login.MailKind]mail.Link
}

// newPost reads the MAIL_* settings; nil if they name nobody to send by.
func newPost(cfg config.Config) (*post, error) {
	if !cfg.SendsMail() {
		if cfg.RequireVerifiedEmail {
			return nil, fmt.Errorf("%sREQUIRE_VERIFIED_EMAIL: needs a way to send mail: %sMAIL_SMTP_HOST or %sMAIL_WEBHOOK_URL", config.Prefix, config.Prefix, config.Prefix)
		}
		return nil, nil
	}
	templates, err := mail.LoadTemplates(cfg.MailTemplates, cfg.MailLanguage)
	if err != nil {
		return nil, err
	}
	links, err := mailLinks(linkToReset(cfg), linkToVerify(cfg))
	if err != nil {
		return nil, err
	}
	var mailer login.Mailer
	if cfg.MailSMTPHost != "" {
		mailer, err = mail.NewSMTP(mail.SMTP{
			Host: cfg.MailSMTPHost, Port: cfg.MailSMTPPort, ImplicitTLS: cfg.MailSMTPTLS == "tls",
			User: cfg.MailSMTPUser, Password: cfg.MailSMTPPassword.Value, From: cfg.MailFrom,
		}, templates)
	} else {
		mailer, err = mail.NewWebhook(mail.Webhook{URL: cfg.MailWebhookURL, Secret: cfg.MailWebhookSecret.Value, Now: time.Now}, templates)
	}
	if err != nil {
		return nil, fmt.Errorf("sending mail: %w", err)
	}
	return &post{mailer, links}, nil
}

// The links of development show where the token would be; a developer sets links
// of the app's own, or takes the token from them.
const (
	devResetLink  = "http://localhost:5173/reset#token={token}"
	devVerifyLink = "http://localhost:5173/verify#token={token}"
)

// newDevPost sends as the environment says, or prints links for the developer.
func newDevPost(cfg config.Config, out io.Writer) (*post, error) {
	if cfg.SendsMail() {
		return newPost(cfg)
	}
	templates, err := mail.LoadTemplates(cfg.MailTemplates, cfg.MailLanguage)
	if err != nil {
		return nil, err
	}
	links, err := mailLinks(cmp.Or(linkToReset(cfg), devResetLink), cmp.Or(linkToVerify(cfg), devVerifyLink))
	if err != nil {
		return nil, err
	}
	return &post{mail.NewShow(out, templates), links}, nil
}

func mailLinks(reset, verify string) (map[login.MailKind]mail.Link, error) {
	resetLink, err := mail.ParseLink(reset)
	if err != nil {
		return nil, fmt.Errorf("%sMAIL_RESET_LINK: %w", config.Prefix, err)
	}
	verifyLink, err := mail.ParseLink(verify)
	if err != nil {
		return nil, fmt.Errorf("%sMAIL_VERIFY_LINK: %w", config.Prefix, err)
	}
	return map[login.MailKind]mail.Link{
		login.MailResetPassword: resetLink, login.MailVerifyEmail: verifyLink, login.MailChangeEmail: verifyLink,
	}, nil
}

// mailSecret derives the tokens in mails from the device secret, which all
// replicas share.
func mailSecret(cfg config.Config) login.MailSecret {
	return login.MailSecret{Keys: func() [][]byte { return bytesOf(cfg.DeviceSecret.Values()) }}
}

func newMailWorker(cfg config.Config, p *post, outbox login.Outbox, m *metrics.Metrics, log *zap.Logger) *mail.Worker {
	return mail.NewWorker(mail.Config{
		Outbox: outbox, Mailer: p.mailer, Secret: mailSecret(cfg), Links: p.links, Observer: m, Now: time.Now,
		Failed: func(mailID string, err error) { log.Warn("mail", zap.String("mail", mailID), zap.Error(err)) },
	})
}
