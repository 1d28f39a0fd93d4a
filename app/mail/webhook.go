package mail

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"hasura-login/app/login"
)

// Headers of a webhook call.
const (
	headerTimestamp = "X-Login-Timestamp"
	headerSignature = "X-Login-Signature"
)

// Webhook names who sends mails for us.
type Webhook struct {
	URL string
	// Secret returns the key of the signature; asked for each call.
	Secret func() string
	Now    func() time.Time
	Client *http.Client // nil: one that follows no redirect
}

// NewWebhook makes a Mailer that posts each letter as JSON. X-Login-Signature is
// "sha256=" and, in hexadecimal, the HMAC-SHA-256 of X-Login-Timestamp (seconds
// since 1970), a dot, and the body; the receiver refuses old timestamps. The
// field id is the same at each attempt, so the receiver can drop repetitions.
func NewWebhook(w Webhook, t *Templates) (login.Mailer, error) {
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%q is not a URL of a webhook", w.URL)
	}
	if w.Client == nil {
		w.Client = &http.Client{
			Timeout:       sendTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return mailer{t, webhookSender{w}}, nil
}

type webhookSender struct{ Webhook }

// posted is the body of a call.
type posted struct {
	ID       string         `json:"id"`
	Kind     login.MailKind `json:"kind"`
	To       string         `json:"to"`
	Name     string         `json:"name"`
	Language string         `json:"language"`
	Link     string         `json:"link"`
	Code     string         `json:"code"`
	Subject  string         `json:"subject"`
	Text     string         `json:"text"`
	HTML     string         `json:"html"`
}

func (w webhookSender) send(ctx context.Context, l login.Letter, m message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	body, err := json.Marshal(posted{l.ID, l.Kind, l.Recipient, l.Payload.Name, m.Language, l.Link, l.Code, m.Subject, m.Text, m.HTML})
	if err != nil {
		return fmt.Errorf("encoding a letter: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("calling the webhook: %w", err)
	}
	stamp := strconv.FormatInt(w.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(headerTimestamp, stamp)
	req.Header.Set(headerSignature, "sha256="+Sign(w.Secret(), stamp, body))
	resp, err := w.Client.Do(req) // #nosec G107 G704 -- the operator's own setting
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // the URL may hold a secret
		}
		return fmt.Errorf("calling the webhook: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	return outcome(resp.StatusCode)
}

// outcome interprets a status. A status about the letter itself is final; a wrong
// signature or URL is a wrong setting, which can be corrected.
func outcome(status int) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: the webhook answered %d", login.ErrMailRefused, status)
	default:
		return fmt.Errorf("the webhook answered %d", status)
	}
}

// Sign is the signature of a webhook's body, in hexadecimal.
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
