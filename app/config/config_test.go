package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/secretfile"
)

const secret = "0123456789abcdef0123456789abcdef"

func TestLoad_DefaultsAreUsable(t *testing.T) {
	c, _, err := config.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":3000" || c.AccessTTL != 15*time.Minute || len(c.DefaultRoles) != 1 || c.SignUp != "open" {
		t.Errorf("unexpected defaults: %+v", c)
	}
	if err := c.Missing(); err == nil || strings.Count(err.Error(), "is not set") != 5 {
		t.Errorf("without secrets production should miss five: %v", err)
	}
}

func TestLoad_ReportsEveryProblemAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret), 0o400); err != nil {
		t.Fatal(err)
	}
	_, _, err := config.Load([]string{
		"LOGIN_ACCES_TTL=5m",
		"LOGIN_ACCESS_TTL=soon",
		"LOGIN_BCRYPT_COST=4",
		"LOGIN_JWT_ALG=HS256",
		"LOGIN_DEFAULT_ROLES=user,Admin",
		"LOGIN_ACTION_SECRET=" + secret, "LOGIN_ACTION_SECRET_FILE=" + file,
		"LOGIN_EDGE_SECRET=short",
		"LOGIN_SERVER_SECRET_FILE=/nonexistent/file",
		"LOGIN_CORS_ORIGINS=*",
		"LOGIN_LISTEN=3000",
		"UNRELATED=x",
	})
	if err == nil {
		t.Fatal("nothing was reported")
	}
	for _, want := range []string{
		"LOGIN_ACCES_TTL: no such setting (did you mean LOGIN_ACCESS_TTL?)",
		"LOGIN_ACCESS_TTL:", "LOGIN_BCRYPT_COST: 4", "LOGIN_JWT_ALG:", "LOGIN_DEFAULT_ROLES: roles: admin",
		"LOGIN_ACTION_SECRET and LOGIN_ACTION_SECRET_FILE are both set", "LOGIN_EDGE_SECRET: a value is shorter",
		"LOGIN_SERVER_SECRET_FILE:", "LOGIN_CORS_ORIGINS:", "LOGIN_LISTEN:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing from the report: %s\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "UNRELATED") {
		t.Error("a variable without our prefix was reported")
	}
}

func TestLoad_SaysWhichValuesASettingTakes(t *testing.T) {
	for setting, want := range map[string]string{
		"LOGIN_ORGANIZATIONS=yes":            `"yes" is neither true nor false`,
		"LOGIN_HOSTED_PAGES=on":              `"on" is neither true nor false`,
		"LOGIN_REQUIRE_VERIFIED_EMAIL= true": `" true" is neither true nor false`,
		"LOGIN_MAIL_WEBHOOK_PLAIN_HTTP=2":    `"2" is neither true nor false`,
		"LOGIN_ACCESS_TTL=15":                `"15" is not a duration such as 30s, 15m or 12h`,
		"LOGIN_ELEVATION_TTL=1d":             `"1d" is not a duration such as 30s, 15m or 12h`,
		"LOGIN_BCRYPT_COST=1e1":              `"1e1" is not a whole number`,
		"LOGIN_MAIL_SMTP_PORT=smtp":          `"smtp" is not a whole number`,
		"LOGIN_AUDIT_MAX_SIZE=3":             `"3" is not a size such as 512MiB or 1GiB`,
	} {
		name, value, _ := strings.Cut(setting, "=")
		_, lines, err := config.Load([]string{setting})
		if err == nil || err.Error() != name+": "+want {
			t.Errorf("%s: reported %v; want %s", setting, err, want)
		}
		if shown := (config.Line{Name: name, Value: value, Origin: "environment"}); !slices.Contains(lines, shown) {
			t.Errorf("%s: the listing lacks %q", setting, shown)
		}
	}
}

func TestLoad_NeverShowsASecret(t *testing.T) {
	_, lines, err := config.Load([]string{"LOGIN_ACTION_SECRET=" + secret, "LOGIN_DATABASE_URL=postgres://u:hunter22@db/x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if strings.Contains(line.String(), secret) || strings.Contains(line.String(), "hunter22") {
			t.Errorf("a secret is shown: %s", line)
		}
	}
}

func TestLoad_ReadsSecretsFromFilesAndSeveralValues(t *testing.T) {
	file := filepath.Join(t.TempDir(), "action_secret")
	if err := os.WriteFile(file, []byte("new-"+secret+"\nold-"+secret), 0o400); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load([]string{"LOGIN_ACTION_SECRET_FILE=" + file})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.ActionSecret.Values(); len(got) != 2 || got[0] != "new-"+secret {
		t.Errorf("values %q", got)
	}
}

func TestLoad_MailSettingsGoTogether(t *testing.T) {
	smtp := []string{"LOGIN_MAIL_SMTP_HOST=smtp.example.org", "LOGIN_MAIL_FROM=login@example.org", "LOGIN_MAIL_RESET_LINK=https://app.example.org/#{token}", "LOGIN_MAIL_VERIFY_LINK=https://app.example.org/v#{token}"}
	for name, c := range map[string]struct {
		vars []string
		want string // empty: fine
	}{
		"none":                   {nil, ""},
		"a server":               {smtp, ""},
		"with a user":            {append(slices.Clone(smtp), "LOGIN_MAIL_SMTP_USER=login", "LOGIN_MAIL_SMTP_PASSWORD=hunter22"), ""},
		"a webhook":              {[]string{"LOGIN_MAIL_WEBHOOK_URL=https://x.example.org/", "LOGIN_MAIL_WEBHOOK_SECRET=" + secret, smtp[2], smtp[3]}, ""},
		"no sender":              {[]string{smtp[0], smtp[2]}, "LOGIN_MAIL_FROM:"},
		"no link":                {smtp[:2], "LOGIN_MAIL_RESET_LINK:"},
		"no link to verify":      {smtp[:3], "LOGIN_MAIL_VERIFY_LINK:"},
		"sign-in by mail":        {append(slices.Clone(smtp), "LOGIN_MAIL_SIGNIN=signup", "LOGIN_MAIL_SIGNIN_LINK=https://app.example.org/s#{token}"), ""},
		"no link to sign in":     {append(slices.Clone(smtp), "LOGIN_MAIL_SIGNIN=signin"), "LOGIN_MAIL_SIGNIN_LINK: is needed"},
		"an unknown sign-in":     {append(slices.Clone(smtp), "LOGIN_MAIL_SIGNIN=true"), "LOGIN_MAIL_SIGNIN: \"true\" is not one of off, signin, signup"},
		"sign-up by mail closed": {append(slices.Clone(smtp), "LOGIN_MAIL_SIGNIN=signup", "LOGIN_MAIL_SIGNIN_LINK=https://app.example.org/s#{token}", "LOGIN_SIGNUP=closed"), "LOGIN_SIGNUP=closed does not"},
		"some notices":           {append(slices.Clone(smtp), "LOGIN_MAIL_NOTICES=new-device,email-changed"), ""},
		"no notices":             {append(slices.Clone(smtp), "LOGIN_MAIL_NOTICES=off"), ""},
		"off among notices":      {append(slices.Clone(smtp), "LOGIN_MAIL_NOTICES=new-device,off"), "LOGIN_MAIL_NOTICES:"},
		"an unknown notice":      {append(slices.Clone(smtp), "LOGIN_MAIL_NOTICES=verify-email"), "LOGIN_MAIL_NOTICES: \"verify-email\" is not a list of password-changed"},
		"both":                   {append(slices.Clone(smtp), "LOGIN_MAIL_WEBHOOK_URL=https://x.example.org/", "LOGIN_MAIL_WEBHOOK_SECRET="+secret), "keep one"},
		"a user without secret":  {append(slices.Clone(smtp), "LOGIN_MAIL_SMTP_USER=login"), "LOGIN_MAIL_SMTP_USER:"},
		"an unsigned webhook":    {[]string{"LOGIN_MAIL_WEBHOOK_URL=https://x.example.org/", smtp[2]}, "LOGIN_MAIL_WEBHOOK_URL:"},
		"a weak signature":       {[]string{"LOGIN_MAIL_WEBHOOK_URL=https://x.example.org/", "LOGIN_MAIL_WEBHOOK_SECRET=short", smtp[2]}, "LOGIN_MAIL_WEBHOOK_SECRET: a value is shorter"},
		"TLS that is not to be":  {append(slices.Clone(smtp), "LOGIN_MAIL_SMTP_TLS=none"), "LOGIN_MAIL_SMTP_TLS:"},
		"a port that is not one": {append(slices.Clone(smtp), "LOGIN_MAIL_SMTP_PORT=70000"), "LOGIN_MAIL_SMTP_PORT:"},
		"the invited by mail":    {append(slices.Clone(smtp), "LOGIN_MAIL_SIGNIN=signup", "LOGIN_MAIL_SIGNIN_LINK=https://app.example.org/s#{token}", "LOGIN_SIGNUP=invited", "LOGIN_MAIL_INVITATION_LINK=https://app.example.org/i#{token}"), ""},
		"no link to invite":      {append(slices.Clone(smtp), "LOGIN_SIGNUP=invited"), "LOGIN_MAIL_INVITATION_LINK: is needed"},
		"none for members":       {append(slices.Clone(smtp), "LOGIN_ORGANIZATIONS=true"), "LOGIN_MAIL_INVITATION_LINK: is needed"},
	} {
		cfg, _, err := config.Load(c.vars)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		case err == nil && cfg.SendsMail() == (len(c.vars) == 0):
			t.Errorf("%s: sends mail: %v", name, cfg.SendsMail())
		}
	}
}

func TestNotices_AreAllUnlessTheSettingSaysOtherwise(t *testing.T) {
	for setting, want := range map[string][]login.MailKind{
		"": login.NoticeKinds(), "off": nil, "email-changed": {login.MailEmailChanged},
	} {
		cfg, _, err := config.Load([]string{"LOGIN_MAIL_NOTICES=" + setting})
		if err != nil || !slices.Equal(cfg.Notices(), want) {
			t.Errorf("%q: %v, %v", setting, cfg.Notices(), err)
		}
	}
}

func TestAddresses_CarryNothingInTheClearOrElsewhere(t *testing.T) {
	for address, want := range map[string]string{
		"https://app.example.org/{token}":                "",
		"http://localhost:5173/{token}":                  "",
		"http://[::1]:5173/{token}":                      "",
		"http://127.8.0.1/{token}":                       "",
		"HTTPS://app.example.org/{token}":                "",
		"http://app.example.org/{token}":                 "needs https",
		"http://localhost.example.org/{token}":           "needs https",
		"https://app.example.org@evil.example/{token}":   "names a user",
		"https://app.example.org:x@evil.example/{token}": "names a user",
		"https:/app.example.org/{token}":                 "not a URL",
		"https:///app.example.org/{token}":               "not a URL",
		"https:app.example.org/{token}":                  "not a URL",
		`https://app.example.org\@evil.example/{token}`:  "not a URL",
		"https://app.example.org/ {token}":               "not a URL",
		"javascript://app.example.org/{token}":           "not a URL",
		"//app.example.org/{token}":                      "not a URL",
	} {
		for _, setting := range []string{"MAIL_RESET_LINK", "MAIL_VERIFY_LINK", "MAIL_SIGNIN_LINK", "MAIL_WEBHOOK_URL"} {
			_, _, err := config.Load([]string{
				"LOGIN_" + setting + "=" + address, "LOGIN_MAIL_WEBHOOK_SECRET=" + strings.Repeat("s", 64),
			})
			says := ""
			if err != nil {
				says = err.Error()
			}
			good := want == "" && !strings.Contains(says, strconv.Quote(address))
			if !good && (want == "" || !strings.Contains(says, "LOGIN_"+setting+": ") || !strings.Contains(says, want)) {
				t.Errorf("%s=%s: %q, want %q", setting, address, says, want)
			}
		}
	}
	_, _, err := config.Load([]string{"LOGIN_MAIL_WEBHOOK_URL=http://mailer:8080/hook", "LOGIN_MAIL_WEBHOOK_PLAIN_HTTP=true"})
	if err != nil && strings.Contains(err.Error(), "needs https") {
		t.Errorf("a webhook inside the container network: %v", err)
	}
}

func TestHostedPages_NeedAnAddressThatIsSafe(t *testing.T) {
	for name, c := range map[string]struct {
		vars []string
		want string // of the error; empty: none
	}{
		"off":                    {nil, ""},
		"the issuer is no URL":   {[]string{"LOGIN_HOSTED_PAGES=true"}, "LOGIN_HOSTED_PAGES: needs LOGIN_PUBLIC_URL"},
		"the issuer is a URL":    {[]string{"LOGIN_HOSTED_PAGES=true", "LOGIN_ISSUER=https://login.example.org/"}, ""},
		"a public URL":           {[]string{"LOGIN_HOSTED_PAGES=true", "LOGIN_PUBLIC_URL=https://login.example.org"}, ""},
		"a public URL with path": {[]string{"LOGIN_PUBLIC_URL=https://login.example.org/auth"}, "LOGIN_PUBLIC_URL:"},
		"in the clear":           {[]string{"LOGIN_HOSTED_PAGES=true", "LOGIN_PUBLIC_URL=http://login.example.org"}, "needs https"},
		"in the clear, at home":  {[]string{"LOGIN_HOSTED_PAGES=true", "LOGIN_PUBLIC_URL=http://127.0.0.1:3000"}, ""},
		"mail without links":     {[]string{"LOGIN_HOSTED_PAGES=true", "LOGIN_ISSUER=https://login.example.org", "LOGIN_MAIL_SMTP_HOST=smtp.example.org", "LOGIN_MAIL_FROM=a@example.org"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := config.Load(c.vars)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestLoad_UnopenedAccountsAreRemovedOnlyWhereTheirLinksAreOver(t *testing.T) {
	for settings, says := range map[string]string{
		"LOGIN_UNOPENED_TTL=0s": "",
		"LOGIN_UNOPENED_TTL=720h LOGIN_REQUIRE_VERIFIED_EMAIL=true": "",
		"LOGIN_UNOPENED_TTL=720h":                                   "LOGIN_UNOPENED_TTL: needs LOGIN_REQUIRE_VERIFIED_EMAIL=true",
		"LOGIN_UNOPENED_TTL=24h LOGIN_REQUIRE_VERIFIED_EMAIL=true":  "LOGIN_UNOPENED_TTL: 24h0m0s is not between",
		"LOGIN_UNOPENED_TTL=-1h LOGIN_REQUIRE_VERIFIED_EMAIL=true":  "LOGIN_UNOPENED_TTL: -1h0m0s is not between",
	} {
		_, _, err := config.Load(strings.Fields(settings))
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", settings, err, says)
		}
	}
}

// Editors of Windows put a byte order mark before a value and \r\n behind it; reports of
// a right password that is refused come from such files (docker secrets, Kubernetes).
func TestLoad_EverySecretFileMayBeAsEditorsLeaveIt(t *testing.T) {
	fields := reflect.TypeFor[config.Config]()
	checked := 0
	for i := range fields.NumField() {
		name := fields.Field(i).Tag.Get("secret")
		if name == "" {
			continue
		}
		checked++
		want := map[string]string{"DATABASE_URL": "postgres://login:secret@db/hasura", "REDIS_URL": "redis://redis:6379/0"}[name]
		if want == "" {
			want = strings.Repeat("s", 40)
		}
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte("\ufeff"+want+" \r\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, _, _ := config.Load([]string{"LOGIN_" + name + "_FILE=" + file})
		secret := reflect.ValueOf(cfg).Field(i).Interface().(secretfile.Secret)
		if got := secret.Value(); got != want {
			t.Errorf("%s is read as %q", name, got)
		}
		utf16 := []byte{0xff, 0xfe}
		for _, b := range []byte(want) {
			utf16 = append(utf16, b, 0)
		}
		if err := os.WriteFile(file, utf16, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := config.Load([]string{"LOGIN_" + name + "_FILE=" + file}); err == nil || !strings.Contains(err.Error(), "UTF-16") {
			t.Errorf("%s as UTF-16: %v", name, err)
		}
	}
	if checked < 5 {
		t.Errorf("only %d secrets were looked at", checked)
	}
}

// Codes go to these addresses: each is written out, and none can be mistaken.
func TestApps_HaveReturnURLsThatAreSafe(t *testing.T) {
	on := []string{"LOGIN_HOSTED_PAGES=true", "LOGIN_ISSUER=https://login.example.org"}
	for setting, want := range map[string]string{
		"":                               "",
		"web=https://app.example.org/in": "",
		"web=https://app.example.org/in?x=1,web=http://localhost:5173/in,admin=https://admin.example.org": "",
		"https://app.example.org/in":                                      "is not name=URL",
		"Web=https://app.example.org/in":                                  "is not name=URL",
		"=https://app.example.org/in":                                     "is not name=URL",
		"web":                                                             "web has no return URL",
		"web=https://app.example.org/#in":                                 "must not contain #",
		"web=javascript:alert(1)":                                         "is not a URL",
		"web=http://app.example.org/in":                                   "needs https",
		"web=https://app.example.org@evil.example/in":                     "names a user",
		`web=https://app.example.org\@evil.example`:                       "is not a URL",
		"web=https://app.example.org/in,admin=https://app.example.org/in": "is listed twice",
	} {
		_, _, err := config.Load(append(slices.Clone(on), "LOGIN_APPS="+setting))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), "LOGIN_APPS: ") || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", setting, err, want)
		}
	}
	if _, _, err := config.Load([]string{"LOGIN_APPS=web=https://app.example.org/in"}); err == nil || !strings.Contains(err.Error(), "needs LOGIN_HOSTED_PAGES=true") {
		t.Errorf("without the pages: %v", err)
	}
	cfg, _, err := config.Load(append(on, "LOGIN_APPS=web=https://a.example/in,admin=https://b.example/,web=https://c.example/?a=b"))
	want := []config.App{{Name: "web", ReturnURLs: []string{"https://a.example/in", "https://c.example/?a=b"}}, {Name: "admin", ReturnURLs: []string{"https://b.example/"}}}
	if got := cfg.Apps(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}
