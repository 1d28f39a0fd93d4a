package cmd

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"hasura-login/app/audit"
	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/metrics"
)

// openTrail opens the audit trail of a service, which does not start without one.
func openTrail(cfg config.Config, store login.Store, m *metrics.Metrics, log *zap.Logger) (*audit.Trail, error) {
	t, err := audit.Open(audit.Config{
		Dir: cfg.AuditDir, Keep: cfg.AuditKeep, MaxSize: int64(cfg.AuditMaxSize), Observer: m, Now: time.Now,
		Find: func(ctx context.Context, email string) (string, error) {
			ua, err := store.UserAccountByEmail(ctx, email)
			return ua.User.ID, err
		},
		Failed: func(err error, event []byte) {
			log.Error("audit", zap.Error(err), zap.ByteString("event", event))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%sAUDIT_DIR: %w", config.Prefix, err)
	}
	return t, nil
}

// verbTrail opens the audit trail for a verb that is about to change something.
func verbTrail(cfg config.Config) (*audit.Verb, error) {
	trail, err := audit.OpenVerb(cfg.AuditDir)
	if err != nil {
		return nil, fmt.Errorf("nothing was changed, since it could not be recorded: %sAUDIT_DIR: %w", config.Prefix, err)
	}
	return trail, nil
}
