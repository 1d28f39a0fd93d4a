package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hasura-login/app/cmd"
	"hasura-login/app/config"
	"hasura-login/app/mail"
	"hasura-login/app/store/sqlite"
	"hasura-login/app/token"
)

// app is where the pages of the preview lead back to.
const app = "https://app.example.org/signed-in"

// stage is a login service of its own, on an empty database, with one brand. What a
// preview does there touches nothing else.
type stage struct {
	cfg   config.Config
	url   string
	users atomic.Int64 // that were invented so far
	mu    sync.Mutex
	mails []mail.Shown
}

// newStage makes a stage on a database file, and the function that runs it.
func newStage(settings []string, file string) (s *stage, serve func(context.Context) error, err error) {
	env := cmd.Environment{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Vars: settings, Version: "preview"}
	cfg, err := cmd.Load(env)
	if err != nil {
		return nil, nil, err
	}
	s = &stage{cfg: cfg}
	post, err := cmd.NewPrintingPost(cfg, io.Discard, s.keep, "", "")
	if err != nil {
		return nil, nil, err
	}
	alg, err := token.ParseAlgorithm(cfg.JWTAlg)
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlite.Open(file)
	if err != nil {
		return nil, nil, err
	}
	service, err := cmd.NewService(cfg, env, cmd.Wiring{
		Out: io.Discard, Backend: cmd.Backend{Store: store}, Post: post, AllowOrigin: func(string) bool { return false },
		OpenRing: func(k token.Keys, h token.Hooks) (*token.Ring, error) { return token.Create(k, alg, h) },
	})
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	api, ops, err := listen()
	if err != nil {
		return nil, nil, errors.Join(err, service.Close())
	}
	s.url = "http://" + api.Addr().String()
	return s, func(ctx context.Context) error { return service.Run(ctx, api, ops) }, nil
}

func listen() (api, ops net.Listener, err error) {
	if api, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, nil, err
	}
	if ops, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, nil, errors.Join(err, api.Close())
	}
	return api, ops, nil
}

// stageSettings are the developer's settings, without those that would reach the
// developer's own data or send mail, and with all on that has a page.
func stageSettings(settings []string, dir string) []string {
	return with(without(settings,
		"DATABASE_URL", "REDIS_URL", "EDGE_SECRET", "MAIL_SMTP_HOST", "MAIL_SMTP_PORT", "MAIL_SMTP_TLS", "MAIL_SMTP_USER", "MAIL_SMTP_PASSWORD", "MAIL_FROM",
		"MAIL_WEBHOOK_URL", "MAIL_WEBHOOK_SECRET", "MAIL_WEBHOOK_PLAIN_HTTP", "MAIL_RESET_LINK", "MAIL_VERIFY_LINK", "MAIL_SIGNIN_LINK", "MAIL_INVITATION_LINK",
		"PASSKEY_DOMAIN", "PASSKEY_ORIGINS", "ALLOWED_EMAIL_DOMAINS", "BLOCKED_EMAIL_DOMAINS"),
		map[string]string{
			"KEYS_DIR": filepath.Join(dir, "keys"), "AUDIT_DIR": filepath.Join(dir, "audit"),
			"HOSTED_PAGES": "true", "PUBLIC_URL": "http://localhost:3000", "APPS": "app=" + app,
			"SIGNUP": "open", "ORGANIZATIONS": "true", "MAIL_SIGNIN": "signin", "REQUIRE_VERIFIED_EMAIL": "false",
			"LIMIT_SIGNIN_CLIENT": "off", "LIMIT_SIGNUP_CLIENT": "off", "LIMIT_RESET_CLIENT": "off", "LIMIT_MAIL_STRANGERS": "off",
			"HASH_QUEUE_MAX_WAIT": "30s",
		})
}

// withSample writes the sample brand to a folder, from which login reads it.
func withSample(settings []string, dir string) ([]string, error) {
	files, err := fs.Sub(sample, "brand")
	if err == nil {
		err = os.CopyFS(dir, files)
	}
	return with(without(settings, "MAIL_TEMPLATES"), map[string]string{"BRAND_DIR": dir, "HOSTED_PAGES_NAME": sampleName}), err
}

// with sets settings, whatever they were.
func with(settings []string, values map[string]string) []string {
	settings = without(settings, slices.Collect(maps.Keys(values))...)
	for name, value := range values {
		settings = append(settings, config.Prefix+name+"="+value)
	}
	return settings
}

func without(settings []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(settings), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		name, ours := strings.CutPrefix(name, config.Prefix)
		return ours && slices.Contains(names, strings.TrimSuffix(name, "_FILE"))
	})
}

func (s *stage) keep(m mail.Shown) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
}

// mailTo waits for the newest mail of a kind to an address.
func (s *stage) mailTo(ctx context.Context, kind, address string) (mail.Shown, error) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		for _, m := range slices.Backward(s.mails) {
			if string(m.Kind) == kind && m.Recipient == address {
				s.mu.Unlock()
				return m, nil
			}
		}
		s.mu.Unlock()
	}
	return mail.Shown{}, fmt.Errorf("no mail %s to %s", kind, address)
}
