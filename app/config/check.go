package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"

	"hasura-login/app/login"
)

func editDistance(a, b string) int { return levenshtein.ComputeDistance(a, b) }

// Algorithms are the values of LOGIN_JWT_ALG.
func Algorithms() []string { return []string{"ES256", "EdDSA", "RS256"} }

// check finds errors that parsing a single value does not show: ranges and relations.
func (c Config) check() []error {
	var problems []error
	complain := func(name, format string, args ...any) {
		problems = append(problems, fmt.Errorf(Prefix+name+": "+format, args...))
	}
	inRange := func(name string, d, low, high time.Duration) {
		if d < low || d > high {
			complain(name, "%s is not between %s and %s", d, low, high)
		}
	}
	for name, addr := range map[string]string{"LISTEN": c.Listen, "OPS_LISTEN": c.OpsListen} {
		_, port, err := net.SplitHostPort(addr)
		if _, unknown := net.LookupPort("tcp", port); err != nil || unknown != nil || port == "" {
			complain(name, "%q is not host:port or :port", addr)
		}
	}
	// Hasura's JWT library takes an iss or sub with a colon for a URI.
	if u, err := url.Parse(c.Issuer); strings.Contains(c.Issuer, ":") && (err != nil || u.Scheme == "") {
		complain("ISSUER", "%q holds a colon but is not a URI; Hasura would refuse every token", c.Issuer)
	}
	if c.Issuer == "" || c.Audience == "" {
		complain("ISSUER", "issuer and audience must not be empty")
	}
	inRange("ACCESS_TTL", c.AccessTTL, time.Second, time.Hour)
	inRange("REFRESH_TTL", c.RefreshTTL, time.Minute, 400*24*time.Hour)
	inRange("REFRESH_IDLE", c.RefreshIdle, time.Minute, 400*24*time.Hour)
	if c.UnopenedTTL != 0 {
		// A mail may be a day on its way, and its link works for a day.
		inRange("UNOPENED_TTL", c.UnopenedTTL, 48*time.Hour, 400*24*time.Hour)
		if !c.RequireVerifiedEmail {
			complain("UNOPENED_TTL", "needs %sREQUIRE_VERIFIED_EMAIL=true; without it a sign-up opens a session, and such an account is never removed", Prefix)
		}
	}
	inRange("HASH_QUEUE_MAX_WAIT", c.HashQueueMaxWait, 10*time.Millisecond, 30*time.Second)
	inRange("ELEVATION_TTL", c.ElevationTTL, time.Minute, 24*time.Hour)
	inRange("REMEMBER_DEVICE", c.RememberDevice, 0, login.DeviceLifetime)
	inRange("SHUTDOWN_GRACE", c.ShutdownGrace, 0, 5*time.Minute)
	inRange("AUDIT_KEEP", c.AuditKeep, 24*time.Hour, 10*366*24*time.Hour)
	if c.AuditMaxSize < 16<<20 {
		complain("AUDIT_MAX_SIZE", "%s is less than 16MiB", c.AuditMaxSize)
	}
	if c.BcryptCost < 10 || c.BcryptCost > 15 {
		complain("BCRYPT_COST", "%d is not between 10 (OWASP's least) and 15 (a second and more)", c.BcryptCost)
	}
	if c.HashWorkers < 0 || c.HashWorkers > 256 {
		complain("HASH_WORKERS", "%d is not between 0 (one per core) and 256", c.HashWorkers)
	}
	if c.PasswordMinLength < 8 || c.PasswordMinLength > 64 {
		complain("PASSWORD_MIN_LENGTH", "%d is not between 8 and 64", c.PasswordMinLength)
	}
	if !slices.Contains(Algorithms(), c.JWTAlg) {
		complain("JWT_ALG", "%q is not one of %s", c.JWTAlg, strings.Join(Algorithms(), ", "))
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		complain("LOG_LEVEL", "%q is not one of debug, info, warn, error", c.LogLevel)
	}
	if err := login.CheckRoles(c.DefaultRoles); err != nil {
		complain("DEFAULT_ROLES", "%s", login.AsError(err).Message)
	}
	if len(c.SecondFactorRoles) > 0 {
		if err := login.CheckRoles(c.SecondFactorRoles); err != nil {
			complain("SECOND_FACTOR_ROLES", "%s", login.AsError(err).Message)
		}
		if slices.Contains(c.SecondFactorRoles, "user") {
			complain("SECOND_FACTOR_ROLES", "user is in every token, so that everybody can add a second factor; name the roles that are worth more")
		}
	}
	for _, origin := range c.CORSOrigins {
		if _, err := ParseOrigin(origin); err != nil {
			complain("CORS_ORIGINS", "%s", err)
		} else if fault := faultOf(origin, false); fault != "" {
			complain("CORS_ORIGINS", "%s", fault)
		}
	}
	if issuer, ok := c.issuerURL(); ok {
		if fault := faultOf(issuer, false); fault != "" {
			complain("ISSUER", "%s", fault)
		}
	}
	problems = append(problems, c.checkSignUp()...)
	problems = append(problems, c.checkMail()...)
	problems = append(problems, c.checkPages()...)
	problems = append(problems, c.checkAddresses()...)
	return append(problems, c.checkSecrets()...)
}

// checkMail finds mail settings that do not fit together. The mailer itself checks
// links and templates.
func (c Config) checkMail() []error {
	var problems []error
	complain := func(wrong bool, name, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(Prefix+name+": "+format, args...))
		}
	}
	smtp, webhook := c.MailSMTPHost != "", c.MailWebhookURL != ""
	complain(smtp && webhook, "MAIL_WEBHOOK_URL", "set together with %sMAIL_SMTP_HOST: keep one", Prefix)
	complain(smtp && c.MailFrom == "", "MAIL_FROM", "is needed to send mail")
	complain(c.SendsMail() && !c.HostedPages && c.MailResetLink == "", "MAIL_RESET_LINK", "is needed to send mail, such as https://app.example.org/reset#token={token}")
	complain(c.SendsMail() && !c.HostedPages && c.MailVerifyLink == "", "MAIL_VERIFY_LINK", "is needed to send mail, such as https://app.example.org/verify#token={token}")
	complain((c.Organizations || c.SignUp == string(login.SignUpInvited)) && c.SendsMail() && !c.HostedPages && c.MailInvitationLink == "", "MAIL_INVITATION_LINK", "is needed to mail invitations, such as https://app.example.org/invitation#token={token}")
	problems = append(problems, c.checkMailSignIn()...)
	for _, name := range c.MailNotices {
		off := name == noticesOff && len(c.MailNotices) == 1
		complain(!off && !slices.Contains(login.NoticeKinds(), login.MailKind(name)), "MAIL_NOTICES", "%q is not a list of %s, nor %s by itself", name, noticeNames(), noticesOff)
	}
	complain(c.MailSMTPPort < 1 || c.MailSMTPPort > 65535, "MAIL_SMTP_PORT", "%d is not a port", c.MailSMTPPort)
	complain(c.MailSMTPTLS != "starttls" && c.MailSMTPTLS != "tls", "MAIL_SMTP_TLS", "%q is not one of starttls, tls", c.MailSMTPTLS)
	complain((c.MailSMTPUser != "") != c.MailSMTPPassword.IsSet(), "MAIL_SMTP_USER", "goes with %sMAIL_SMTP_PASSWORD_FILE: set both or none", Prefix)
	complain(webhook != c.MailWebhookSecret.IsSet(), "MAIL_WEBHOOK_URL", "goes with %sMAIL_WEBHOOK_SECRET_FILE: set both or none", Prefix)
	return problems
}

// MailSignIns are the values of LOGIN_MAIL_SIGNIN.
func MailSignIns() []string {
	return []string{string(login.MailSignInOff), string(login.MailSignInKnown), string(login.MailSignInSignUp)}
}

func (c Config) checkMailSignIn() []error {
	var problems []error
	complain := func(wrong bool, name, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(Prefix+name+": "+format, args...))
		}
	}
	on := c.MailSignIn != string(login.MailSignInOff)
	complain(!slices.Contains(MailSignIns(), c.MailSignIn), "MAIL_SIGNIN", "%q is not one of %s", c.MailSignIn, strings.Join(MailSignIns(), ", "))
	complain(on && c.SendsMail() && !c.HostedPages && c.MailSignInLink == "", "MAIL_SIGNIN_LINK", "is needed to sign in by mail, such as https://app.example.org/signin#token={token}")
	complain(c.MailSignIn == string(login.MailSignInSignUp) && c.SignUp == string(login.SignUpClosed), "MAIL_SIGNIN", "signup makes accounts, and %sSIGNUP=%s does not: say signin, or open it", Prefix, c.SignUp)
	return problems
}

// checkPages finds settings that would make the hosted pages unusable or unsafe.
func (c Config) checkPages() []error {
	var problems []error
	complain := func(name, format string, args ...any) {
		problems = append(problems, fmt.Errorf(Prefix+name+": "+format, args...))
	}
	if _, err := ParseOrigin(strings.TrimSuffix(c.PublicURL, "/")); c.PublicURL != "" && (err != nil || c.Origin() == "") {
		complain("PUBLIC_URL", "%q is not scheme and host such as https://login.example.org", c.PublicURL)
	}
	problems = append(problems, c.checkApps()...)
	if !c.HostedPages {
		return problems
	}
	switch u, err := url.Parse(c.Origin()); {
	case err != nil || u.Host == "":
		complain("HOSTED_PAGES", "needs %sPUBLIC_URL, where browsers find the service, such as https://login.example.org", Prefix)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		complain("HOSTED_PAGES", "needs https: passwords would go to %s in the clear", u.Host)
	}
	return problems
}

// checkAddresses refuses URLs that would carry a secret in the clear or elsewhere
// than a reader thinks.
func (c Config) checkAddresses() []error {
	var problems []error
	for _, setting := range []struct {
		name, value string
		plain       bool // http is accepted
	}{
		{"PUBLIC_URL", c.PublicURL, false},
		{"MAIL_RESET_LINK", c.MailResetLink, false},
		{"MAIL_VERIFY_LINK", c.MailVerifyLink, false},
		{"MAIL_SIGNIN_LINK", c.MailSignInLink, false},
		{"MAIL_INVITATION_LINK", c.MailInvitationLink, false},
		{"MAIL_WEBHOOK_URL", c.MailWebhookURL, c.MailWebhookPlainHTTP},
	} {
		if fault := faultOf(setting.value, setting.plain); fault != "" {
			problems = append(problems, fmt.Errorf("%s%s: %s", Prefix, setting.name, fault))
		}
	}
	return problems
}

// faultOf returns what is wrong with a URL, or "". Browsers read a backslash as a slash
// and drop tabs and line breaks, so a URL may contain none of them. A URL with a user
// name is not repeated in the error, because it may also hold a password.
func faultOf(address string, plain bool) string {
	if address == "" {
		return ""
	}
	u, err := url.Parse(strings.ReplaceAll(address, "{token}", "token"))
	switch {
	case err != nil || u.Hostname() == "" || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }):
		return fmt.Sprintf("%q is not a URL such as https://app.example.org/path", address)
	case u.User != nil:
		return "the URL names a user before the host; people read that part as the host. Leave it out"
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Sprintf("%q is not a URL such as https://app.example.org/path", address)
	case u.Scheme == "http" && !plain && !isLoopback(u.Hostname()):
		return fmt.Sprintf("%q needs https: otherwise its content crosses the network unencrypted", address)
	}
	return ""
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// noticesOff is the word that switches all notices off.
const noticesOff = "off"

func noticeNames() string {
	var names []string
	for _, kind := range login.NoticeKinds() {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}
