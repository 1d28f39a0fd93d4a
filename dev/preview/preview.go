// Package preview shows every page and mail in every state, language and brand, for
// development. For a page it plays the visit that leads there, on a login service of its
// own, so what it shows is what users get.
package preview

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"hasura-login/app/cmd"
	"hasura-login/app/language"
	"hasura-login/app/login"
)

//go:embed brand
var sample embed.FS

//go:embed index.html
var source string

var index = template.Must(template.New("index").Parse(source))

// The brands: the settings' own, and one to compare with.
const (
	own         = "own"
	sampleBrand = "sample"
	sampleName  = "Greenhouse"
)

// Preview has a stage for each brand that was asked for.
type Preview struct {
	ctx      context.Context // stages end with it
	settings []string
	path     string
	mu       sync.Mutex
	stages   map[string]*stage
	running  sync.WaitGroup
}

// New makes a preview of what the settings give. Its pages are below path, such as
// "/preview"; its services end with ctx.
func New(ctx context.Context, settings []string, path string) *Preview {
	return &Preview{ctx: ctx, settings: settings, path: path, stages: map[string]*stage{}}
}

// Wait returns when everything that was started has ended and its data are gone.
func (p *Preview) Wait() { p.running.Wait() }

// stage starts a brand's service when it is first asked for.
func (p *Preview) stage(brand string) (*stage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.stages[brand]; s != nil {
		return s, nil
	}
	if brand != own && brand != sampleBrand {
		return nil, fmt.Errorf("there is no brand %q", brand)
	}
	dir, err := os.MkdirTemp("", "hasura-login-preview")
	if err != nil {
		return nil, err
	}
	settings := stageSettings(p.settings, dir)
	if brand == sampleBrand {
		if settings, err = withSample(settings, filepath.Join(dir, "brand")); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	s, serve, err := newStage(settings, filepath.Join(dir, "login.db"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p.stages[brand] = s
	p.running.Go(func() {
		_ = serve(p.ctx)
		_ = os.RemoveAll(dir)
	})
	return s, nil
}

// Pages lists the names of the states in which pages are shown.
func Pages() []string {
	var names []string
	for _, g := range groups() {
		for _, s := range g.states {
			names = append(names, s.name)
		}
	}
	return names
}

// Handler serves the index, and below it page/STATE, mail/KIND and what they load.
func (p *Preview) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+p.path, p.index)
	mux.HandleFunc("GET "+p.path+"/page/{state}", p.page)
	mux.HandleFunc("GET "+p.path+"/mail/{kind}", p.mail)
	mux.HandleFunc("GET "+p.path+"/asset/{brand}/{file}", p.asset)
	return mux
}

// chosen are the brand and the language that a request asks for.
func (p *Preview) chosen(r *http.Request) (*stage, string, string, error) {
	brand, tag := r.URL.Query().Get("brand"), r.URL.Query().Get("language")
	if brand == "" {
		brand = own
	}
	if tag == "" {
		tag = language.English
	}
	s, err := p.stage(brand)
	return s, brand, tag, err
}

func (p *Preview) index(w http.ResponseWriter, r *http.Request) {
	s, brand, tag, err := p.chosen(r)
	if err != nil {
		failed(w, err)
		return
	}
	catalogue, err := cmd.Catalogue(s.cfg)
	if err != nil {
		failed(w, err)
		return
	}
	var groupsShown []map[string]any
	for _, g := range groups() {
		var names []string
		for _, s := range g.states {
			names = append(names, s.name)
		}
		groupsShown = append(groupsShown, map[string]any{"Title": g.title, "Kind": "page", "Names": names})
	}
	var kinds []string
	for _, kind := range login.MailKinds() {
		kinds = append(kinds, string(kind))
	}
	slices.Sort(kinds)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'")
	_ = index.Execute(w, map[string]any{
		"Path": p.path, "Brand": brand, "Brands": []string{own, sampleBrand}, "Language": tag, "Languages": catalogue.Languages(),
		"Groups": append(groupsShown, map[string]any{"Title": "Mails", "Kind": "mail", "Names": kinds}),
	})
}

// assets are the addresses by which pages load what belongs to their brand.
var assets = regexp.MustCompile(`(href|src|srcset|data-list)="/auth/pages/((?:style|icon|logo|logo-dark|logo-mail|common-passwords)[-.\w]*)"`)

func (p *Preview) page(w http.ResponseWriter, r *http.Request) {
	s, brand, tag, err := p.chosen(r)
	if err != nil {
		failed(w, err)
		return
	}
	for _, g := range groups() {
		at := slices.IndexFunc(g.states, func(s state) bool { return s.name == r.PathValue("state") })
		if at < 0 {
			continue
		}
		v := s.visitor(r.Context(), tag)
		g.states[at].reach(v)
		if v.err == nil && v.shown.status != g.states[at].status {
			v.err = fmt.Errorf("the page has the status %d, not %d:\n%s", v.shown.status, g.states[at].status, v.shown.body)
		}
		if v.err != nil {
			failed(w, v.err)
			return
		}
		w.Header().Set("Content-Type", v.shown.header.Get("Content-Type"))
		w.Header().Set("Content-Security-Policy", framed(v.shown.header.Get("Content-Security-Policy")))
		_, _ = w.Write([]byte(assets.ReplaceAllString(v.shown.body, `$1="`+p.path+`/asset/`+brand+`/$2"`))) // #nosec G705 -- a page that the service made
		return
	}
	http.NotFound(w, r)
}

// framed lets the index show a page in a frame, which no other site can do.
func framed(policy string) string {
	return strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors 'self'", 1)
}

func (p *Preview) mail(w http.ResponseWriter, r *http.Request) {
	s, brand, tag, err := p.chosen(r)
	if err != nil {
		failed(w, err)
		return
	}
	kind := login.MailKind(r.PathValue("kind"))
	if !slices.Contains(login.MailKinds(), kind) {
		http.NotFound(w, r)
		return
	}
	m, err := cmd.PreviewMail(s.cfg, kind, tag)
	if err != nil {
		failed(w, err)
		return
	}
	if r.URL.Query().Has("text") {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "%s\n\n%s", m.Subject, m.Text)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'self'")
	logo := strings.NewReplacer(s.cfg.Origin()+"/auth/pages/logo-mail", p.path+"/asset/"+brand+"/logo-mail")
	_, _ = w.Write([]byte(logo.Replace(m.HTML)))
}

// asset passes a file of a brand on.
func (p *Preview) asset(w http.ResponseWriter, r *http.Request) {
	s, err := p.stage(r.PathValue("brand"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	target, err := url.Parse(s.url)
	if err != nil {
		failed(w, err)
		return
	}
	proxy := httputil.ReverseProxy{Rewrite: func(out *httputil.ProxyRequest) {
		out.SetURL(target)
		out.Out.URL.Path = "/auth/pages/" + r.PathValue("file")
	}}
	proxy.ServeHTTP(w, r)
}

func failed(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}
