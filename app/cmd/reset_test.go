package cmd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"hasura-login/app/cmd"
	"hasura-login/app/testserver"
	"hasura-login/dev/devstack"
)

func TestUsersResetLink_PrintsALinkThatIsAudited(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + t.TempDir()}
	if code, _, stderr := run(t, "correct horse staple\n", vars, "users", "create", "ann@example.org", "--name", "Ann"); code != 0 {
		t.Fatal(stderr)
	}
	token := regexp.MustCompile(`^[A-Za-z0-9_-]{43}\n$`)
	code, stdout, stderr := run(t, "", vars, "users", "reset-link", "ann@example.org")
	if code != 0 || !token.MatchString(stdout) || !strings.Contains(stderr, "until") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	_, trail, _ := run(t, "", vars, "audit", "--json")
	if !strings.Contains(trail, "password-reset-link-made") || strings.Contains(trail, strings.TrimSpace(stdout)) || strings.Contains(trail, "ann@") {
		t.Errorf("audited as %s", trail)
	}
	vars = append(vars, "LOGIN_MAIL_RESET_LINK=https://app.example.org/reset#token={token}")
	code, stdout, stderr = run(t, "", vars, "users", "reset-link", "ann@example.org")
	if code != 0 || !strings.HasPrefix(stdout, "https://app.example.org/reset#token=") || strings.Contains(stdout, "{") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if code, stdout, _ = run(t, "", vars, "users", "reset-link", "nobody@example.org"); code != 1 || stdout != "" {
		t.Errorf("for nobody: exit code %d, %q", code, stdout)
	}
}

func TestUsersVerify_ShowsAndIsAudited(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + t.TempDir()}
	if code, _, stderr := run(t, "correct horse staple\n", vars, "users", "create", "ann@example.org", "--name", "Ann"); code != 0 {
		t.Fatal(stderr)
	}
	if _, stdout, _ := run(t, "", vars, "users", "show", "ann@example.org"); !strings.Contains(stdout, "ann@example.org (not verified)") {
		t.Errorf("before: %s", stdout)
	}
	code, stdout, stderr := run(t, "", vars, "users", "verify", "ann@example.org")
	if code != 0 || !strings.Contains(stdout, "marked as verified") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if _, trail, _ := run(t, "", vars, "audit"); !strings.Contains(trail, "email-marked-verified") {
		t.Errorf("audited as %s", trail)
	}
	if _, stdout, _ = run(t, "", vars, "users", "show", "--json", "ann@example.org"); !strings.Contains(stdout, `"emailVerifiedAt": "`) {
		t.Errorf("after: %s", stdout)
	}
}

func TestCheck_VerifiedAddressesNeedMail(t *testing.T) {
	_, _, stderr := run(t, "", []string{"LOGIN_REQUIRE_VERIFIED_EMAIL=true"}, "check")
	if !strings.Contains(stderr, "LOGIN_REQUIRE_VERIFIED_EMAIL: needs a way to send mail") {
		t.Errorf("check says %s", stderr)
	}
}

// dev needs no mail server: the link is on the terminal, and works.
func TestDev_PrintsTheLinkOfAForgottenPassword(t *testing.T) {
	api := testserver.Addr(testserver.FreePort(t))
	args := []string{
		"--data", t.TempDir(), "--listen", api,
		"--graphql", testserver.Addr(testserver.FreePort(t)), "--ops", testserver.Addr(testserver.FreePort(t)),
	}
	ctx, stop := context.WithCancel(t.Context())
	var out testserver.Output
	done := make(chan int, 1)
	go func() {
		done <- devstack.Main(ctx, args, cmd.Environment{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Vars: nil, Version: "v0-test"})
	}()
	post := func(path, body string) (int, map[string]any) {
		resp, err := http.Post("http://"+api+path, "application/json", strings.NewReader(body))
		if err != nil {
			return 0, nil
		}
		defer func() { _ = resp.Body.Close() }()
		var answer map[string]any
		_ = json.NewDecoder(resp.Body).Decode(&answer)
		return resp.StatusCode, answer
	}
	testserver.Eventually(t, "dev serves", func() bool {
		status, _ := post("/auth/signup", `{"email":"ann@example.org","name":"Ann","password":"correct horse staple"}`)
		return status == http.StatusCreated
	})
	if status, _ := post("/auth/password/forgot", `{"email":"ann@example.org"}`); status != http.StatusAccepted {
		t.Errorf("asking for a reset: %d", status)
	}
	var link []string
	testserver.Eventually(t, "the link is printed", func() bool {
		link = regexp.MustCompile(`http://localhost:` + strings.TrimPrefix(api, "127.0.0.1:") + `/auth/pages/reset\?token=([A-Za-z0-9_-]{43})`).FindStringSubmatch(out.String())
		return link != nil
	})
	if status, answer := post("/auth/password/reset", fmt.Sprintf(`{"token":%q,"newPassword":"battery of volta 1800"}`, link[1])); status != http.StatusOK || answer["token"] == nil {
		t.Errorf("resetting: %d %v", status, answer)
	}
	if status, _ := post("/auth/signin", `{"email":"ann@example.org","password":"battery of volta 1800"}`); status != http.StatusOK {
		t.Errorf("signing in with the new password: %d", status)
	}
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d", code)
	}
	mail := out.String()[strings.Index(out.String(), "mail (reset-password"):]
	if strings.Contains(mail, "ann@example.org") {
		t.Errorf("the recipient is printed: %s", mail)
	}
}
