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

// problems are the errors of a configuration, each with the name of its setting.
type problems []error

func (p *problems) add(name, format string, args ...any) {
	*p = append(*p, fmt.Errorf(Prefix+name+": "+format, args...))
}

func (p *problems) addIf(wrong bool, name, format string, args ...any) {
	if wrong {
		p.add(name, format, args...)
	}
}

func (p *problems) inRange(name string, d, low, high time.Duration) {
	p.addIf(d < low || d > high, name, "%s is not between %s and %s", d, low, high)
}

func (p *problems) isOneOf(name, value string, all []string) {
	p.addIf(!slices.Contains(all, value), name, "%q is not one of %s", value, strings.Join(all, ", "))
}

// check finds errors that parsing a single value does not show: ranges and relations.
func (c Config) check() []error {
	var p problems
	c.checkNetwork(&p)
	c.checkTokens(&p)
	c.checkWork(&p)
	c.checkRoles(&p)
	c.checkSignUp(&p)
	c.checkMail(&p)
	c.checkPages(&p)
	c.checkAddresses(&p)
	c.checkSecrets(&p)
	return p
}

// checkNetwork finds listeners and origins that cannot be.
func (c Config) checkNetwork(p *problems) {
	for name, addr := range map[string]string{"LISTEN": c.Listen, "OPS_LISTEN": c.OpsListen} {
		_, port, err := net.SplitHostPort(addr)
		_, unknown := net.LookupPort("tcp", port)
		p.addIf(err != nil || unknown != nil || port == "", name, "%q is not host:port or :port", addr)
	}
	for _, origin := range c.CORSOrigins {
		if _, err := ParseOrigin(origin); err != nil {
			p.add("CORS_ORIGINS", "%s", err)
		} else if fault := faultOf(origin, false); fault != "" {
			p.add("CORS_ORIGINS", "%s", fault)
		}
	}
}

// checkTokens finds tokens and sessions that would not work.
func (c Config) checkTokens(p *problems) {
	// Hasura's JWT library takes an iss or sub with a colon for a URI.
	u, err := url.Parse(c.Issuer)
	p.addIf(strings.Contains(c.Issuer, ":") && (err != nil || u.Scheme == ""), "ISSUER", "%q holds a colon but is not a URI; Hasura would refuse every token", c.Issuer)
	p.addIf(c.Issuer == "" || c.Audience == "", "ISSUER", "issuer and audience must not be empty")
	if issuer, ok := c.issuerURL(); ok {
		fault := faultOf(issuer, false)
		p.addIf(fault != "", "ISSUER", "%s", fault)
	}
	p.isOneOf("JWT_ALG", c.JWTAlg, Algorithms())
	p.inRange("ACCESS_TTL", c.AccessTTL, time.Second, time.Hour)
	p.inRange("REFRESH_TTL", c.RefreshTTL, time.Minute, 400*24*time.Hour)
	p.inRange("REFRESH_IDLE", c.RefreshIdle, time.Minute, 400*24*time.Hour)
	if c.UnopenedTTL != 0 {
		// A mail may be a day on its way, and its link works for a day.
		p.inRange("UNOPENED_TTL", c.UnopenedTTL, 48*time.Hour, 400*24*time.Hour)
		p.addIf(!c.RequireVerifiedEmail, "UNOPENED_TTL", "needs %sREQUIRE_VERIFIED_EMAIL=true; without it a sign-up opens a session, and such an account is never removed", Prefix)
	}
	p.inRange("ELEVATION_TTL", c.ElevationTTL, time.Minute, 24*time.Hour)
	p.inRange("REMEMBER_DEVICE", c.RememberDevice, 0, login.DeviceLifetime)
}

// checkWork finds limits of the work of a process that are too low or too high.
func (c Config) checkWork(p *problems) {
	p.inRange("HASH_QUEUE_MAX_WAIT", c.HashQueueMaxWait, 10*time.Millisecond, 30*time.Second)
	p.inRange("SHUTDOWN_GRACE", c.ShutdownGrace, 0, 5*time.Minute)
	p.inRange("AUDIT_KEEP", c.AuditKeep, 24*time.Hour, 10*366*24*time.Hour)
	p.addIf(c.AuditMaxSize < 16<<20, "AUDIT_MAX_SIZE", "%s is less than 16MiB", c.AuditMaxSize)
	p.addIf(c.BcryptCost < 10 || c.BcryptCost > 15, "BCRYPT_COST", "%d is not between 10 (OWASP's least) and 15 (a second and more)", c.BcryptCost)
	p.addIf(c.HashWorkers < 0 || c.HashWorkers > 256, "HASH_WORKERS", "%d is not between 0 (one per core) and 256", c.HashWorkers)
	p.addIf(c.PasswordMinLength < 8 || c.PasswordMinLength > 64, "PASSWORD_MIN_LENGTH", "%d is not between 8 and 64", c.PasswordMinLength)
	p.isOneOf("LOG_LEVEL", c.LogLevel, []string{"debug", "info", "warn", "error"})
}

func (c Config) checkRoles(p *problems) {
	if err := login.CheckRoles(c.DefaultRoles); err != nil {
		p.add("DEFAULT_ROLES", "%s", login.AsError(err).Message)
	}
	if len(c.SecondFactorRoles) == 0 {
		return
	}
	if err := login.CheckRoles(c.SecondFactorRoles); err != nil {
		p.add("SECOND_FACTOR_ROLES", "%s", login.AsError(err).Message)
	}
	p.addIf(slices.Contains(c.SecondFactorRoles, "user"), "SECOND_FACTOR_ROLES", "user is in every token, so that everybody can add a second factor; name the roles that are worth more")
}

// checkMail finds mail settings that do not fit together. The mailer itself checks
// links and templates.
func (c Config) checkMail(p *problems) {
	smtp, webhook := c.MailSMTPHost != "", c.MailWebhookURL != ""
	p.addIf(smtp && webhook, "MAIL_WEBHOOK_URL", "set together with %sMAIL_SMTP_HOST: keep one", Prefix)
	p.addIf(smtp && c.MailFrom == "", "MAIL_FROM", "is needed to send mail")
	p.addIf(c.SendsMail() && !c.HostedPages && c.MailResetLink == "", "MAIL_RESET_LINK", "is needed to send mail, such as https://app.example.org/reset#token={token}")
	p.addIf(c.SendsMail() && !c.HostedPages && c.MailVerifyLink == "", "MAIL_VERIFY_LINK", "is needed to send mail, such as https://app.example.org/verify#token={token}")
	p.addIf((c.Organizations || c.SignUp == string(login.SignUpInvited)) && c.SendsMail() && !c.HostedPages && c.MailInvitationLink == "", "MAIL_INVITATION_LINK", "is needed to mail invitations, such as https://app.example.org/invitation#token={token}")
	c.checkMailSignIn(p)
	for _, name := range c.MailNotices {
		off := name == noticesOff && len(c.MailNotices) == 1
		p.addIf(!off && !slices.Contains(login.NoticeKinds(), login.MailKind(name)), "MAIL_NOTICES", "%q is not a list of %s, nor %s by itself", name, noticeNames(), noticesOff)
	}
	p.addIf(c.MailSMTPPort < 1 || c.MailSMTPPort > 65535, "MAIL_SMTP_PORT", "%d is not a port", c.MailSMTPPort)
	p.addIf(c.MailSMTPTLS != "starttls" && c.MailSMTPTLS != "tls", "MAIL_SMTP_TLS", "%q is not one of starttls, tls", c.MailSMTPTLS)
	p.addIf((c.MailSMTPUser != "") != c.MailSMTPPassword.IsSet(), "MAIL_SMTP_USER", "goes with %sMAIL_SMTP_PASSWORD_FILE: set both or none", Prefix)
	p.addIf(webhook != c.MailWebhookSecret.IsSet(), "MAIL_WEBHOOK_URL", "goes with %sMAIL_WEBHOOK_SECRET_FILE: set both or none", Prefix)
}

// MailSignIns are the values of LOGIN_MAIL_SIGNIN.
func MailSignIns() []string {
	return []string{string(login.MailSignInOff), string(login.MailSignInKnown), string(login.MailSignInSignUp)}
}

func (c Config) checkMailSignIn(p *problems) {
	on := c.MailSignIn != string(login.MailSignInOff)
	p.isOneOf("MAIL_SIGNIN", c.MailSignIn, MailSignIns())
	p.addIf(on && c.SendsMail() && !c.HostedPages && c.MailSignInLink == "", "MAIL_SIGNIN_LINK", "is needed to sign in by mail, such as https://app.example.org/signin#token={token}")
	p.addIf(c.MailSignIn == string(login.MailSignInSignUp) && c.SignUp == string(login.SignUpClosed), "MAIL_SIGNIN", "signup makes accounts, and %sSIGNUP=%s does not: say signin, or open it", Prefix, c.SignUp)
}

// checkPages finds settings that would make the hosted pages unusable or unsafe.
func (c Config) checkPages(p *problems) {
	if _, err := ParseOrigin(strings.TrimSuffix(c.PublicURL, "/")); c.PublicURL != "" && (err != nil || c.Origin() == "") {
		p.add("PUBLIC_URL", "%q is not scheme and host such as https://login.example.org", c.PublicURL)
	}
	c.checkApps(p)
	if !c.HostedPages {
		return
	}
	switch u, err := url.Parse(c.Origin()); {
	case err != nil || u.Host == "":
		p.add("HOSTED_PAGES", "needs %sPUBLIC_URL, where browsers find the service, such as https://login.example.org", Prefix)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		p.add("HOSTED_PAGES", "needs https: passwords would go to %s in the clear", u.Host)
	}
}

// checkAddresses refuses URLs that would carry a secret in the clear or elsewhere
// than a reader thinks.
func (c Config) checkAddresses(p *problems) {
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
		fault := faultOf(setting.value, setting.plain)
		p.addIf(fault != "", setting.name, "%s", fault)
	}
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
