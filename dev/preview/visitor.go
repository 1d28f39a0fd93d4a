package preview

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
)

// visitor visits a stage as a browser without script does: it follows links, fills in
// forms and keeps cookies. After the first error it does nothing more.
type visitor struct {
	stage    *stage
	ctx      context.Context // of the one request that the visit serves
	language string
	client   *http.Client
	email    string
	shown    shown
	err      error
}

// shown is the page that the visitor sees.
type shown struct {
	status int
	header http.Header
	body   string
}

const (
	password     = "slow green teapots"
	nextPassword = "battery of volta 1800"
)

func (s *stage) visitor(ctx context.Context, language string) *visitor {
	jar, err := cookiejar.New(nil)
	return &visitor{
		stage: s, ctx: ctx, language: language, err: err, email: fmt.Sprintf("ann+%d@example.org", s.users.Add(1)),
		client: &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Host != via[0].URL.Host { // to the app
				return http.ErrUseLastResponse
			}
			return nil
		}},
	}
}

// another is a visitor with another browser who has the same address.
func (v *visitor) another() *visitor {
	w := v.stage.visitor(v.ctx, v.language)
	w.email, w.err = v.email, errors.Join(v.err, w.err)
	return w
}

func (v *visitor) do(method, path, contentType string, body io.Reader, header ...string) {
	if v.err != nil {
		return
	}
	r, err := http.NewRequestWithContext(v.ctx, method, v.stage.url+path, body) // #nosec G704 -- the stage's own address
	if err != nil {
		v.err = err
		return
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", v.language)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1]) // #nosec G602 -- names and values in turn
	}
	answer, err := v.client.Do(r) // #nosec G704 -- the stage's own address
	if err != nil {
		v.err = err
		return
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	v.shown, v.err = shown{answer.StatusCode, answer.Header, string(content)}, err
}

func (v *visitor) open(path string) { v.do(http.MethodGet, path, "", nil) }

var (
	forms        = regexp.MustCompile(`(?s)<form [^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	hiddenFields = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// fill sends the page's form for this path that does this, with its hidden fields.
func (v *visitor) fill(path, does string, values ...string) {
	for _, form := range forms.FindAllStringSubmatch(v.shown.body, -1) {
		sent := url.Values{}
		for _, field := range hiddenFields.FindAllStringSubmatch(form[2], -1) {
			sent.Set(field[1], html.UnescapeString(field[2]))
		}
		if html.UnescapeString(form[1]) != path || sent.Get("do") != does {
			continue
		}
		for i := 0; i < len(values); i += 2 {
			sent.Set(values[i], values[i+1]) // #nosec G602 -- names and values in turn
		}
		v.do(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(sent.Encode()))
		return
	}
	if v.err == nil {
		v.err = fmt.Errorf("the page has no form for %s that does %q:\n%s", path, does, v.shown.body)
	}
}

// call posts to the REST API as the owner of an access token and returns the answer.
func (v *visitor) call(path, accessToken string, input map[string]string) map[string]any {
	body, err := json.Marshal(input)
	v.err = errors.Join(v.err, err)
	before := v.shown
	var header []string
	if accessToken != "" {
		header = []string{"Authorization", "Bearer " + accessToken}
	}
	v.do(http.MethodPost, path, "application/json", bytes.NewReader(body), append(header, "Accept", "application/json")...)
	answer := map[string]any{}
	if v.err == nil && v.shown.status >= 300 {
		v.err = fmt.Errorf("%s: %d %s", path, v.shown.status, v.shown.body)
	}
	if v.err == nil && v.shown.body != "" {
		v.err = json.Unmarshal([]byte(v.shown.body), &answer)
	}
	v.shown = before
	return answer
}

var linkIn = regexp.MustCompile(`http://localhost:3000(/\S+)`)

// mailed returns the path of the link in the newest mail of a kind.
func (v *visitor) mailed(kind string) string {
	if v.err != nil {
		return ""
	}
	m, err := v.stage.mailTo(v.ctx, kind, v.email)
	if v.err = err; err != nil {
		return ""
	}
	if found := linkIn.FindStringSubmatch(m.Text); found != nil {
		return found[1]
	}
	return ""
}

var secretIn = regexp.MustCompile(`name="secret" value="([A-Z2-7]+)"`)

// oneTimeCode is what an app shows that has scanned the page, some steps from now.
func (v *visitor) oneTimeCode(secret string, steps int) string {
	code, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	v.err = errors.Join(v.err, err)
	return code
}

func (v *visitor) secret() string {
	found := secretIn.FindStringSubmatch(v.shown.body)
	if found == nil {
		v.err = errors.Join(v.err, fmt.Errorf("the page has no secret:\n%s", v.shown.body))
		return ""
	}
	return found[1]
}
