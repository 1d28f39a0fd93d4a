package mail

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasttemplate"

	"hasura-login/app/language"
	"hasura-login/app/login"
)

//go:embed templates/*.txt templates/*.html
var embedded embed.FS

// Templates render letters. For each kind and language there are two files,
// KIND.LANGUAGE.txt, whose first line is the subject and whose second is empty,
// and KIND.LANGUAGE.html. They hold placeholders and no logic: {{.Name}}, which
// brings a blank before it and is nothing except in mail to a verified address; where
// there is a link {{.Link}}, where there is a code {{.Code}}, and the {{.Minutes}} or {{.Hours}} that they work; the
// {{.Time}} of what happened; in a notice the address {{.From}} where it came from;
// in change-email the {{.Account}}, masked, whose address is to change. (The
// standard library's templates call methods by name, for which the linker would
// keep every method there is.)
type Templates struct {
	fallback string
	pairs    map[string]pair // by kind.language
}

type pair struct {
	name string // of the text's file
	text *fasttemplate.Template
	html *fasttemplate.Template
}

// LoadTemplates reads the embedded templates and those of a folder, unless it is empty.
// A file in the folder replaces the embedded one of the same name, and may add a
// language. fallback is the language for requests that name none, or none with
// templates. A kind without a template in it comes in English, so that a release with a
// new kind of mail stops no service. Every template is tried once, so a broken one is
// an error at the start and not when somebody waits for a mail.
func LoadTemplates(folder, fallback string) (*Templates, error) {
	files := map[string]string{}
	root, err := fs.Sub(embedded, "templates")
	if err != nil {
		return nil, err
	}
	if err := collect(files, root); err != nil {
		return nil, err
	}
	if folder != "" {
		if err := collect(files, os.DirFS(folder)); err != nil {
			return nil, fmt.Errorf("the folder of mail templates: %w", err)
		}
	}
	t := &Templates{fallback: fallback, pairs: map[string]pair{}}
	var problems []error
	for name := range files {
		if base, ok := strings.CutSuffix(name, ".txt"); ok {
			problems = append(problems, t.add(base, files))
		} else if _, ok := files[strings.TrimSuffix(name, ".html")+".txt"]; !ok {
			problems = append(problems, fmt.Errorf("mail template %s: there is no %s", name, strings.TrimSuffix(name, ".html")+".txt"))
		}
	}
	if !slices.ContainsFunc(login.MailKinds(), func(k login.MailKind) bool { return t.has(k, fallback) }) {
		problems = append(problems, fmt.Errorf("mail templates: there is none in the default language %q", fallback))
	}
	return t, errors.Join(problems...)
}

func collect(into map[string]string, root fs.FS) error {
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ext := path.Ext(e.Name()); e.IsDir() || ext != ".txt" && ext != ".html" {
			continue
		}
		b, err := fs.ReadFile(root, e.Name())
		if err != nil {
			return err
		}
		into[e.Name()] = string(b)
	}
	return nil
}

const (
	trialLink = "https://app.example.org/#a-link-to-try-with"
	trialCode = "314159"
)

// trial is a letter to try a template with.
func trial(kind login.MailKind) login.Letter {
	l := login.Letter{Kind: kind, Payload: login.MailPayload{Name: "Ann", At: time.Now(), From: "203.0.113.7/32", Account: login.Masked("ann@example.org")}}
	if kind.HasCode() {
		l.Code, l.ValidFor = trialCode, login.MailCodeLife
	}
	if kind.Purpose() != "" {
		l.Link, l.ValidFor = trialLink, kind.LinkLife()
	}
	return l
}

func (t *Templates) add(base string, files map[string]string) error {
	kind, _, _ := strings.Cut(base, ".")
	if !slices.Contains(login.MailKinds(), login.MailKind(kind)) {
		return fmt.Errorf("mail template %s.txt: no mail is called %s", base, kind)
	}
	htmlFile, ok := files[base+".html"]
	if !ok {
		return fmt.Errorf("mail template %s.txt: there is no %s.html", base, base)
	}
	p := pair{name: base + ".txt"}
	var err error
	if p.text, err = fasttemplate.NewTemplate(files[p.name], "{{", "}}"); err != nil {
		return fmt.Errorf("mail template %s: %w", p.name, err)
	}
	if p.html, err = fasttemplate.NewTemplate(htmlFile, "{{", "}}"); err != nil {
		return fmt.Errorf("mail template %s.html: %w", base, err)
	}
	m, err := p.render(trial(login.MailKind(kind)))
	if err != nil {
		return err
	}
	if login.MailKind(kind).Purpose() != "" && (!strings.Contains(m.Text, trialLink) || !strings.Contains(m.HTML, trialLink)) {
		return fmt.Errorf("mail template %s: {{.Link}} must be in both files", base)
	}
	if login.MailKind(kind).HasCode() && (!strings.Contains(m.Text, trialCode) || !strings.Contains(m.HTML, trialCode)) {
		return fmt.Errorf("mail template %s: {{.Code}} must be in both files", base)
	}
	t.pairs[base] = p
	return nil
}

// everyKind is the language in which there are embedded templates of every kind.
const everyKind = "en"

func (t *Templates) has(kind login.MailKind, language string) bool {
	_, ok := t.pairs[string(kind)+"."+language]
	return ok
}

// render picks the best of the languages asked for, else the default.
func (t *Templates) render(l login.Letter) (message, error) {
	tag, found := language.Lookup(l.Payload.Language, func(tag string) bool { return t.has(l.Kind, tag) })
	for _, candidate := range []string{t.fallback, everyKind} {
		if !found {
			tag, found = candidate, t.has(l.Kind, candidate)
		}
	}
	if !found {
		return message{}, fmt.Errorf("there is no mail template of %s", l.Kind)
	}
	m, err := t.pairs[string(l.Kind)+"."+tag].render(l)
	m.Language = tag
	return m, err
}

func (p pair) render(l login.Letter) (message, error) {
	values := placeholders(l)
	plain, err := p.text.ExecuteFuncStringWithErr(fill(values, func(s string) string { return s }))
	if err != nil {
		return message{}, fmt.Errorf("mail template %s: %w", p.name, err)
	}
	rich, err := p.html.ExecuteFuncStringWithErr(fill(values, html.EscapeString))
	if err != nil {
		return message{}, fmt.Errorf("mail template of the HTML next to %s: %w", p.name, err)
	}
	subject, body, ok := strings.Cut(plain, "\n\n")
	if !ok || strings.Contains(subject, "\n") || strings.TrimSpace(subject) == "" {
		return message{}, fmt.Errorf("mail template %s: the first line is the subject, the second is empty", p.name)
	}
	return message{Subject: subject, Text: body, HTML: rich}, nil
}

// placeholders are the placeholders that a template of the letter's kind may use.
func placeholders(l login.Letter) map[string]string {
	values := map[string]string{".Name": ""}
	if l.Payload.Name != "" {
		values[".Name"] = " " + l.Payload.Name
	}
	values[".Time"] = "–"
	if !l.Payload.At.IsZero() {
		values[".Time"] = l.Payload.At.UTC().Format("2006-01-02 15:04 UTC")
	}
	if l.Kind.Purpose() == login.PurposeChangeEmail {
		values[".Account"] = cmp.Or(l.Payload.Account, "–")
	}
	if l.Kind.Purpose() != "" {
		values[".Link"] = l.Link
	}
	if l.Kind.HasCode() {
		values[".Code"] = l.Code
	}
	if l.Kind.Purpose() != "" || l.Kind.HasCode() {
		values[".Minutes"] = strconv.Itoa(int(l.ValidFor / time.Minute))
		values[".Hours"] = strconv.Itoa(int(l.ValidFor / time.Hour))
		values[".Days"] = strconv.Itoa(int(l.ValidFor / (24 * time.Hour)))
	}
	if l.Kind.Purpose() != "" && !l.Kind.HasCode() {
		return values
	}
	values[".From"] = "–"
	if l.Payload.From != "" {
		values[".From"] = strings.TrimSuffix(l.Payload.From, "/32")
	}
	return values
}

// fill replaces placeholders with their values, escaped for the context: text, or HTML
// inside or outside a quoted attribute.
func fill(values map[string]string, escape func(string) string) fasttemplate.TagFunc {
	return func(w io.Writer, tag string) (int, error) {
		value, ok := values[strings.TrimSpace(tag)]
		if !ok {
			known := slices.Sorted(maps.Keys(values))
			return 0, fmt.Errorf("{{%s}} is not one of {{%s}}", tag, strings.Join(known, "}}, {{"))
		}
		return io.WriteString(w, escape(value))
	}
}
