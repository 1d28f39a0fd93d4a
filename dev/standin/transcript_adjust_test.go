package standin_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"hasura-login/dev/standin/metadata"
)

// adjustments implement the cases' "differs" (and other prose of the set-up). A case
// with such prose and without an entry here is an error.
var adjustments = map[string]func(t testing.TB, w *world, env map[string]string){
	"action-configured-headers-first": func(_ testing.TB, w *world, _ map[string]string) {
		w.signup.ForwardClientHeaders = true
		w.signup.Headers = append(w.signup.Headers, metadata.Header{Name: "X-Edge", Value: "configured"})
		w.cfg.ConfiguredHeaderPrecedence = true
	},
	"action-forwarded-headers": func(_ testing.TB, w *world, _ map[string]string) {
		w.signup.ForwardClientHeaders = true
		w.signup.Headers = append(w.signup.Headers, metadata.Header{Name: "X-Edge", Value: "configured"})
		w.cfg.JWT = nil // so that Authorization is not examined
	},
	"action-error-401-preserved": func(_ testing.TB, w *world, _ map[string]string) { w.cfg.Preserve401Errors = true },
	"action-error-unreachable": func(t testing.TB, _ *world, env map[string]string) {
		env["LOGIN_URL"] = "http://127.0.0.1:1"
	},
	"action-error-unreachable-dev-mode": func(t testing.TB, w *world, _ map[string]string) {
		w.cfg.DevMode = true
		w.signin.Timeout = 2 * time.Second
		ended := make(chan struct{})
		t.Cleanup(func() { close(ended) })
		w.handler.answers(func(http.ResponseWriter, *http.Request) { <-ended })
	},
	"action-extra-field-and-missing-nullable": func(_ testing.TB, w *world, _ map[string]string) {
		payload := w.cfg.Metadata.Types.ForName("AuthPayload")
		payload.Fields = append(payload.Fields, &ast.FieldDefinition{Name: "note", Type: ast.NamedType("String", nil)})
	},
	"action-header-env-missing": func(_ testing.TB, w *world, _ map[string]string) {
		w.signin.Headers = []metadata.Header{{Name: "X-Hasura-Action-Secret", ValueFromEnv: "LOGIN_ACTION_SECRET"}}
	},
	"action-null-nonnull-output": func(_ testing.TB, w *world, _ map[string]string) {
		w.signin.Output = ast.NonNullNamedType("AuthPayload", nil)
	},
	"action-mixed-with-table-mutation": func(t testing.TB, w *world, _ map[string]string) {
		w.signup.Roles = append(w.signup.Roles, "login_service")
		w.check = func(t testing.TB, asked []handled, _ http.Header) {
			if len(asked) != 1 {
				t.Errorf("%d requests reached the handler, want one", len(asked))
			}
			wantRows(t, w, `email = 'x@example.com'`, 1)
		}
	},
	"action-nested-missing-left-out": withChild,
	"action-nested-null-passes":      withChild,
	"action-null-nullable-output":    asItIs,
	"action-role-without-permission": asItIs,
	"action-aliases-first-error-ends": func(_ testing.TB, w *world, _ map[string]string) {
		w.check = func(t testing.TB, asked []handled, _ http.Header) {
			if len(asked) != 2 {
				t.Errorf("%d requests reached the handler, want a and b but not c", len(asked))
			}
		}
	},
	"action-signin-set-cookie-dropped": func(_ testing.TB, w *world, _ map[string]string) {
		w.check = func(t testing.TB, _ []handled, answered http.Header) {
			if cookie := answered.Get("Set-Cookie"); cookie != "" {
				t.Errorf("the cookie %s passed", cookie)
			}
		}
	},
	"data-column-in-two-operators": func(_ testing.TB, w *world, _ map[string]string) {
		demo := &w.cfg.Metadata.Sources[0].Tables[2]
		demo.UpdatePermissions = w.users.UpdatePermissions[1:]
	},
	"data-insert-column-not-permitted": func(t testing.TB, w *world, _ map[string]string) {
		mustExec(t, w, `ALTER TABLE users ADD roles text`)
		columns := metadata.Columns{Names: []string{"email", "name"}}
		w.users.InsertPermissions = []metadata.InsertPermission{{Role: "user", Permission: metadata.InsertDefinition{Columns: &columns, Check: map[string]any{}}}}
	},
	"data-insert-many": withoutAnn,
	"data-insert-one":  withoutAnn,
	"data-insert-permission-check-failed": func(t testing.TB, w *world, _ map[string]string) {
		mustExec(t, w, `DELETE FROM users WHERE id = '`+bobID+`'`)
		columns := metadata.Columns{Names: []string{"id", "email", "name", "password"}}
		w.users.InsertPermissions = []metadata.InsertPermission{{Role: "user", Permission: metadata.InsertDefinition{
			Columns: &columns, Check: map[string]any{"id": map[string]any{"_eq": "X-Hasura-User-Id"}},
		}}}
	},
	"data-introspection-role": func(_ testing.TB, w *world, _ map[string]string) {
		w.users.UpdatePermissions = w.users.UpdatePermissions[1:]
	},
	"data-other-schema-root-fields": func(t testing.TB, w *world, _ map[string]string) {
		mustExec(t, w, `DELETE FROM auth.sessions; ALTER TABLE auth.sessions ALTER id SET DEFAULT '`+bobID+`'`)
	},
	"data-transaction-revert": func(t testing.TB, w *world, _ map[string]string) {
		mustExec(t, w, `DELETE FROM users WHERE id = '`+bobID+`'`)
		w.check = func(t testing.TB, _ []handled, _ http.Header) { wantRows(t, w, `email = 'b@example.com'`, 0) }
	},
	"data-update-affected-rows": asItIs,
	"data-update-lost-race": func(t testing.TB, w *world, _ map[string]string) {
		mustExec(t, w, `UPDATE auth.sessions SET spent_at = now()`)
	},
	"data-update-permission-check-failed": func(_ testing.TB, w *world, _ map[string]string) {
		w.users.UpdatePermissions[0].Permission.Check = map[string]any{"name": map[string]any{"_neq": ""}}
	},
	"ws-action-forwarded-headers": func(_ testing.TB, w *world, _ map[string]string) {
		w.signin.ForwardClientHeaders = true
		w.handler.answers(goodGrant)
	},
	"ws-legacy-action-error":    refusingHandler,
	"ws-transport-action-error": refusingHandler,
	"ws-transport-init-refused": func(_ testing.TB, w *world, _ map[string]string) {
		w.cfg.UnauthorizedRole, w.cfg.JWT = "", nil
	},
	"ws-transport-init-timeout": asItIs,
	"ws-transport-live-query": func(t testing.TB, w *world, _ map[string]string) {
		w.before[4] = func() { mustExec(t, w, `UPDATE users SET name = 'Anna' WHERE id = '`+annID+`'`) }
	},
}

// withChild adds an object inside the answer's.
func withChild(t testing.TB, w *world, _ map[string]string) {
	types := sdlTypes(t, `type Child { id: String! }`)
	payload := w.cfg.Metadata.Types.ForName("AuthPayload")
	payload.Fields = append(payload.Fields, &ast.FieldDefinition{Name: "child", Type: ast.NamedType("Child", nil)})
	w.cfg.Metadata.Types = append(w.cfg.Metadata.Types, types...)
}

// withoutAnn lets the case insert her, and the database draw her id.
func withoutAnn(t testing.TB, w *world, _ map[string]string) {
	mustExec(t, w, `DELETE FROM users WHERE id = '`+annID+`'; ALTER TABLE users ALTER id SET DEFAULT '`+annID+`'`)
}

func wantRows(t testing.TB, w *world, condition string, want int) {
	t.Helper()
	var n int
	if err := w.cfg.DB.QueryRow(`SELECT count(*) FROM users WHERE ` + condition).Scan(&n); err != nil || n != want {
		t.Errorf("%d rows with %s (%v), want %d", n, condition, err, want)
	}
}

// asItIs: the common set-up already matches the case.
func asItIs(testing.TB, *world, map[string]string) {}

func refusingHandler(_ testing.TB, w *world, _ map[string]string) {
	w.handler.answers(func(res http.ResponseWriter, _ *http.Request) {
		res.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(res, `{"message":"Email or password wrong","extensions":{"code":"invalid-credentials"}}`)
	})
}

func goodGrant(res http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(res, `{"id":"`+annID+`","token":"eyJ.t","tokenExpiresAt":"2026-11-24T18:30:00Z","refreshToken":"r1","refreshTokenExpiresAt":"2026-12-24T18:15:00Z"}`)
}

func mustExec(t testing.TB, w *world, statement string) {
	t.Helper()
	if _, err := w.cfg.DB.Exec(statement); err != nil {
		t.Error(err)
	}
}
