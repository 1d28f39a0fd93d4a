package mail_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/mail"
)

const hookSecret = "0123456789abcdef0123456789abcdef"

func newWebhook(t *testing.T, handler http.HandlerFunc) login.Mailer {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	mailer, err := mail.NewWebhook(mail.Webhook{
		URL: server.URL + "/hook?key=s3cret", Secret: func() string { return hookSecret },
		Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
	}, templates(t))
	check(t, err)
	return mailer
}

func TestWebhook_PostsASignedLetter(t *testing.T) {
	var body []byte
	var header http.Header
	mailer := newWebhook(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header
		w.WriteHeader(http.StatusAccepted)
	})
	check(t, mailer.Send(t.Context(), letter()))
	if got := header.Get("X-Login-Timestamp"); got != "1800000000" {
		t.Errorf("timestamp %q", got)
	}
	if got, want := header.Get("X-Login-Signature"), "sha256="+mail.Sign(hookSecret, "1800000000", body); got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
	var got map[string]string
	check(t, json.Unmarshal(body, &got))
	if got["id"] != letter().ID || got["kind"] != "reset-password" || got["to"] != "ann@example.org" || got["link"] != letter().Link ||
		got["language"] != "de" || got["name"] != "Ann <Ä>" || got["subject"] == "" || got["text"] == "" || got["html"] == "" {
		t.Errorf("posted %s", body)
	}
}

// The known answer of another implementation (openssl dgst -sha256 -hmac).
func TestSign_IsHMACOverTimestampDotBody(t *testing.T) {
	const want = "bd4654ad22455998a2b9156dd5748325c461303b218fa3c7427a444a9ece00c0"
	if got := mail.Sign(hookSecret, "1800000000", []byte(`{"id":"1"}`)); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestWebhook_OnlyABadLetterIsRefusedForGood(t *testing.T) {
	for status, final := range map[int]bool{400: true, 422: true, 301: false, 401: false, 404: false, 408: false, 429: false, 500: false, 503: false} {
		err := newWebhook(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
		}).Send(t.Context(), letter())
		if err == nil || errors.Is(err, login.ErrMailRefused) != final {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestWebhook_ErrorsDoNotRepeatTheURL(t *testing.T) {
	err := newWebhook(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}).Send(t.Context(), letter())
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %v", err)
	}
}
