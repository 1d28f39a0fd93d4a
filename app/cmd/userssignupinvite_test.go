package cmd_test

import (
	"strings"
	"testing"

	"hasura-login/app/testserver"
)

func TestUsersInvite_MailsListsAndRevokes(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app") // without organisations
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + t.TempDir(), "LOGIN_SERVER_SECRET=" + strings.Repeat("s", 32)}
	mail := []string{"LOGIN_MAIL_SMTP_HOST=smtp.example.org", "LOGIN_MAIL_FROM=login@example.org", "LOGIN_MAIL_RESET_LINK=https://app.example.org/r#{token}", "LOGIN_MAIL_VERIFY_LINK=https://app.example.org/v#{token}"}
	link := "LOGIN_MAIL_INVITATION_LINK=https://app.example.org/i#{token}"
	allowed, blocked := append(mail, link, "LOGIN_ALLOWED_EMAIL_DOMAINS=example.org"), append(mail, link, "LOGIN_BLOCKED_EMAIL_DOMAINS=example.net")
	if code, _, stderr := run(t, "", vars, "users", "create", "ann@example.org", "--name", "Ann", "--no-password"); code != 0 {
		t.Fatal(stderr)
	}
	for _, step := range []struct {
		vars           []string
		args           []string
		code           int
		stdout, stderr string // parts
	}{
		{nil, []string{"bob@example.org"}, 1, "", "no mail is sent"},
		{mail, []string{"bob@example.org"}, 1, "", "LOGIN_MAIL_INVITATION_LINK"},
		{append(mail, link), nil, 2, "", "either an EMAIL or --list"},
		{append(mail, link), []string{"--list", "bob@example.org"}, 2, "", "either an EMAIL or --list"},
		{append(mail, link), []string{"bob"}, 1, "", "email"},
		{append(mail, link), []string{"ann@example.org"}, 1, "", "already has an account"},
		{allowed, []string{"bob@example.com"}, 1, "", "Accounts cannot have an e-mail address at this domain here"},
		{blocked, []string{"bob@mail.example.net"}, 1, "", "Accounts cannot have an e-mail address at this domain here"},
		{append(mail, link), []string{"Bob@Example.org", "--language", "de"}, 0, "the mail is queued", ""},
		{nil, []string{"--list"}, 0, "bob@example.org", ""},
		{nil, []string{"--revoke", "bob@example.org"}, 0, "void", ""},
		{nil, []string{"--revoke", "bob@example.org"}, 1, "", "no open invitation"},
	} {
		code, stdout, stderr := run(t, "", append(step.vars, vars...), append([]string{"users", "invite"}, step.args...)...)
		if code != step.code || !strings.Contains(stdout, step.stdout) || !strings.Contains(stderr, step.stderr) {
			t.Errorf("%q: exit code %d, %q, %s", step.args, code, stdout, stderr)
		}
	}
	_, trail, _ := run(t, "", vars, "audit", "--json")
	if strings.Count(trail, "sign-up-invited") != 1 || strings.Count(trail, "invitation-revoked") != 1 || strings.Contains(trail, "bob@") {
		t.Errorf("audited as %s", trail)
	}
}
