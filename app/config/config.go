// Package config reads the LOGIN_* environment: the only place that does.
package config

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/secretfile"
)

// Prefix begins the name of every variable.
const Prefix = "LOGIN_"

// Config is a complete and checked configuration. Field tags name the variable
// without its prefix and its default; .env.example explains each.
type Config struct {
	Listen    string `env:"LISTEN" envDefault:":3000"`
	OpsListen string `env:"OPS_LISTEN" envDefault:":9100"`

	Issuer     string        `env:"ISSUER" envDefault:"hasura-login"`
	Audience   string        `env:"AUDIENCE" envDefault:"hasura"`
	AccessTTL  time.Duration `env:"ACCESS_TTL" envDefault:"15m"`
	RefreshTTL time.Duration `env:"REFRESH_TTL" envDefault:"720h"`
	// RefreshIdle is the time after which a session without a refresh ends.
	RefreshIdle time.Duration `env:"REFRESH_IDLE" envDefault:"336h"`
	KeysDir     string        `env:"KEYS_DIR" envDefault:"/keys"`
	JWTAlg      string        `env:"JWT_ALG" envDefault:"EdDSA"`

	BcryptCost        int           `env:"BCRYPT_COST" envDefault:"10"`
	HashWorkers       int           `env:"HASH_WORKERS" envDefault:"0"`
	HashQueueMaxWait  time.Duration `env:"HASH_QUEUE_MAX_WAIT" envDefault:"800ms"`
	PasswordMinLength int           `env:"PASSWORD_MIN_LENGTH" envDefault:"8"`
	DefaultRoles      []string      `env:"DEFAULT_ROLES" envDefault:"user"`
	// SignUp is one of login.SignUpModes.
	SignUp      string   `env:"SIGNUP" envDefault:"open"`
	CORSOrigins []string `env:"CORS_ORIGINS"`
	// AllowedEmailDomains and BlockedEmailDomains are read by EmailDomains.
	AllowedEmailDomains []string `env:"ALLOWED_EMAIL_DOMAINS"`
	BlockedEmailDomains []string `env:"BLOCKED_EMAIL_DOMAINS"`
	// Organizations keeps organisations and their members.
	Organizations bool `env:"ORGANIZATIONS" envDefault:"false"`
	// RequireVerifiedEmail needs mail.
	RequireVerifiedEmail bool `env:"REQUIRE_VERIFIED_EMAIL" envDefault:"false"`
	// UnopenedTTL is how old an account gets that no session was ever opened for; 0: as
	// old as it likes.
	UnopenedTTL time.Duration `env:"UNOPENED_TTL" envDefault:"0s"`

	// NAT64Prefix is the operator's /96; clients behind it count as their IPv4 address.
	NAT64Prefix string `env:"NAT64_PREFIX"`
	// SecondFactorRoles are withheld from sessions without a second factor.
	SecondFactorRoles []string `env:"SECOND_FACTOR_ROLES"`
	// ElevationTTL is how long an elevation lasts.
	ElevationTTL time.Duration `env:"ELEVATION_TTL" envDefault:"10m"`
	// RememberDevice is how long a remembered device needs no second factor.
	RememberDevice time.Duration `env:"REMEMBER_DEVICE" envDefault:"720h"`

	LimitSigninClient   string `env:"LIMIT_SIGNIN_CLIENT" envDefault:"30-M,300-H"`
	LimitDeviceClient   string `env:"LIMIT_DEVICE_CLIENT" envDefault:"60-M,600-H"`
	LimitSigninAccount  string `env:"LIMIT_SIGNIN_ACCOUNT" envDefault:"5-M,20-H"`
	LimitSignupClient   string `env:"LIMIT_SIGNUP_CLIENT" envDefault:"20-M,100-H"`
	LimitRefreshClient  string `env:"LIMIT_REFRESH_CLIENT" envDefault:"600-M"`
	LimitRefreshSession string `env:"LIMIT_REFRESH_SESSION" envDefault:"30-M"`

	LimitResetClient  string `env:"LIMIT_RESET_CLIENT" envDefault:"10-M,60-H"`
	LimitResetAccount string `env:"LIMIT_RESET_ACCOUNT" envDefault:"2-M,6-H"`

	LimitMailStrangers string `env:"LIMIT_MAIL_STRANGERS" envDefault:"120-M,1200-H"`

	MailFrom     string `env:"MAIL_FROM"`
	MailSMTPHost string `env:"MAIL_SMTP_HOST"`
	MailSMTPPort int    `env:"MAIL_SMTP_PORT" envDefault:"587"`
	MailSMTPTLS  string `env:"MAIL_SMTP_TLS" envDefault:"starttls"`
	MailSMTPUser string `env:"MAIL_SMTP_USER"`
	// MailWebhookURL takes mails instead of a mail server.
	MailWebhookURL string `env:"MAIL_WEBHOOK_URL"`
	// MailWebhookPlainHTTP accepts http:// there: the webhook is inside the container network.
	MailWebhookPlainHTTP bool   `env:"MAIL_WEBHOOK_PLAIN_HTTP"`
	MailResetLink        string `env:"MAIL_RESET_LINK"`
	// MailVerifyLink is for verifying an address and for changing it.
	MailVerifyLink string `env:"MAIL_VERIFY_LINK"`
	// MailSignIn says who may sign in by a mailed code or link: one of MailSignIns.
	MailSignIn     string `env:"MAIL_SIGNIN" envDefault:"off"`
	MailSignInLink string `env:"MAIL_SIGNIN_LINK"`
	// MailInvitationLink is for invitations to sign up and to organisations.
	MailInvitationLink string `env:"MAIL_INVITATION_LINK"`
	// MailNotices are kinds of login.NoticeKinds, or only "off".
	MailNotices   []string `env:"MAIL_NOTICES" envDefault:"password-changed,new-device,sessions-ended,email-changed,second-factor-added,second-factor-removed,recovery-codes-made,recovery-code-used,wrong-codes,identity-linked,identity-unlinked,passkey-added,passkey-removed,password-removed"`
	MailTemplates string   `env:"MAIL_TEMPLATES"`
	MailLanguage  string   `env:"MAIL_LANGUAGE" envDefault:"en"`

	// PasskeyDomain is the RP id: passkeys are good for the pages of this domain and
	// those below it. PasskeyOrigins are the pages that may ask for them. See Passkeys.
	PasskeyDomain  string   `env:"PASSKEY_DOMAIN"`
	PasskeyOrigins []string `env:"PASSKEY_ORIGINS"`

	// PublicURL is where browsers find the service; see Origin.
	PublicURL       string `env:"PUBLIC_URL"`
	HostedPages     bool   `env:"HOSTED_PAGES" envDefault:"false"`
	HostedPagesName string `env:"HOSTED_PAGES_NAME"`
	// BrandDir is a folder with what makes pages and mails the owner's.
	BrandDir string `env:"BRAND_DIR"`
	// AppList is read by Apps.
	AppList []string `env:"APPS"`
	// ProvidersFile lists sites that people can sign in with; package provider reads it.
	ProvidersFile string `env:"PROVIDERS"`

	AuditDir     string        `env:"AUDIT_DIR" envDefault:"/audit"`
	AuditKeep    time.Duration `env:"AUDIT_KEEP" envDefault:"2160h"`
	AuditMaxSize Size          `env:"AUDIT_MAX_SIZE" envDefault:"1GiB"`

	LogLevel      string        `env:"LOG_LEVEL" envDefault:"info"`
	ShutdownGrace time.Duration `env:"SHUTDOWN_GRACE" envDefault:"20s"`

	// Secrets: each also as …_FILE, which may be replaced while we run. A "key" is one
	// random value of at least minSecretLength, or several; production requires those
	// marked "needed". ops/secrets.tsv describes each.
	DatabaseURL  secretfile.Secret `env:"-" secret:"DATABASE_URL" is:"needed"`
	ActionSecret secretfile.Secret `env:"-" secret:"ACTION_SECRET" is:"needed,key"`
	EdgeSecret   secretfile.Secret `env:"-" secret:"EDGE_SECRET" is:"needed,key"`
	ServerSecret secretfile.Secret `env:"-" secret:"SERVER_SECRET" is:"needed,key"`
	TOTPSecret   secretfile.Secret `env:"-" secret:"TOTP_SECRET" is:"needed,key"`
	KeysSecret   secretfile.Secret `env:"-" secret:"KEYS_SECRET" is:"key"`
	RedisURL     secretfile.Secret `env:"-" secret:"REDIS_URL"`

	MailSMTPPassword  secretfile.Secret `env:"-" secret:"MAIL_SMTP_PASSWORD"`
	MailWebhookSecret secretfile.Secret `env:"-" secret:"MAIL_WEBHOOK_SECRET" is:"key"`
}

// Workers is the number of hash workers: the setting, or one per usable core
// (the runtime counts cgroup limits).
func (c Config) Workers() int {
	if c.HashWorkers > 0 {
		return c.HashWorkers
	}
	return runtime.GOMAXPROCS(0)
}

// SendsMail reports whether a mail server or webhook is configured.
func (c Config) SendsMail() bool { return c.MailSMTPHost != "" || c.MailWebhookURL != "" }

// Notices are the kinds of notices that are sent.
func (c Config) Notices() []login.MailKind {
	var kinds []login.MailKind
	for _, name := range c.MailNotices {
		if kind := login.MailKind(name); slices.Contains(login.NoticeKinds(), kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Origin is the service's origin in the form that browsers use: the setting, or the
// issuer if that is a URL. It is empty if neither is known.
func (c Config) Origin() string {
	u, err := url.Parse(cmp.Or(c.PublicURL, c.Issuer))
	if err != nil || u.Host == "" {
		return ""
	}
	origin, err := ParseOrigin(u.Scheme + "://" + u.Host)
	if err != nil || strings.Contains(origin, anyLabel) {
		return ""
	}
	return origin
}

// Passkeys says for which domain passkeys are and which pages may ask for them: what is
// set, or the service's own origin and its host. Both are empty where there can be no
// passkeys: the service is found by an address or over plain http, or no setting says
// where.
func (c Config) Passkeys() (domain string, origins []string) {
	domain, origins = c.PasskeyDomain, c.PasskeyOrigins
	u, err := url.Parse(c.Origin())
	if err != nil || u.Host == "" {
		return domain, origins
	}
	if domain == "" && len(origins) == 0 && !takesPasskeys(u) {
		return "", nil
	}
	if len(origins) == 0 {
		origins = []string{c.Origin()}
	}
	return cmp.Or(domain, u.Hostname()), origins
}

// takesPasskeys tells whether browsers have passkeys for pages there.
func takesPasskeys(u *url.URL) bool {
	host := u.Hostname()
	if net.ParseIP(host) != nil {
		return false
	}
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	return local || u.Scheme == "https" && strings.Contains(host, ".")
}

// issuerURL is the issuer, if it is a URL of the web; it may be a plain name or
// another URI too.
func (c Config) issuerURL() (string, bool) {
	scheme, _, found := strings.Cut(c.Issuer, ":")
	return c.Issuer, found && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// Line is one setting as it is shown to people: a secret's value is masked.
type Line struct {
	Name   string
	Value  string
	Origin string // "environment", "file" or "default"
}

func (l Line) String() string { return fmt.Sprintf("%-32s %s (%s)", l.Name, l.Value, l.Origin) }
