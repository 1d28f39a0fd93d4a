package mail

import (
	"cmp"
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

// Templates render letters. The built-in mails are put together from the catalogue's
// texts. Files of a folder stand in for whole mails: for a kind and a language two files,
// KIND.LANGUAGE.txt, whose first line is the subject and whose second is empty, and
// KIND.LANGUAGE.html. They hold placeholders and no logic: {{.Site}}; {{.Name}}, which
// brings a blank before it and is nothing except in mail to a verified address; where
// there is a link {{.Link}}, where there is a code {{.Code}}, and the {{.Minutes}},
// {{.Hours}} or {{.Days}} that they work; the {{.Time}} of what happened, and the
// {{.Browser}} and the address {{.From}} that caused it; in change-email the
// {{.Account}}, masked, whose address is to change; in organization-invitation the
// inviter's {{.Account}}, masked, and {{.Organization}}, which brings a blank and quotes,
// and is nothing if the name looks like a link. (The standard library's templates call
// methods by name, for which the linker would keep every method there is.)
type Templates struct {
	fallback  string
	catalogue *language.Catalogue
	site      Site
	pairs     map[string]pair // by kind.language
}

type pair struct {
	name string                 // of the files, without an extension
	text *fasttemplate.Template // nil: the built-in half
	html *fasttemplate.Template
}

// Options say what mails look like.
type Options struct {
	Folder    string // with files that stand in for built-in mails; may be empty
	Fallback  string // the language for requests that name none that there is
	Catalogue *language.Catalogue
	Site      Site
}

// LoadTemplates reads the folder and tries every mail once, so that a broken one fails
// at the start, not when somebody waits for it.
func LoadTemplates(o Options) (*Templates, error) {
	t := &Templates{fallback: strings.ToLower(o.Fallback), catalogue: o.Catalogue, site: o.Site, pairs: map[string]pair{}}
	files := map[string]string{}
	if o.Folder != "" {
		if err := collect(files, os.DirFS(o.Folder)); err != nil {
			return nil, fmt.Errorf("the folder of mail templates: %w", err)
		}
	}
	var problems []error
	bases := map[string]bool{}
	for name := range files {
		bases[strings.TrimSuffix(name, path.Ext(name))] = true
	}
	for _, base := range slices.Sorted(maps.Keys(bases)) {
		problems = append(problems, t.add(base, files))
	}
	if !slices.ContainsFunc(login.MailKinds(), func(k login.MailKind) bool { return t.has(k, t.fallback) }) {
		problems = append(problems, fmt.Errorf("mail templates: there is none in the default language %q", o.Fallback))
	}
	for _, kind := range login.MailKinds() {
		if c := t.site.compose(trial(kind), t.catalogue.Best(language.English, "")); c.Text == "" || c.IfNot == "" || c.Link != "" && c.Button == "" {
			problems = append(problems, fmt.Errorf("the texts of the mail %s are not complete", kind))
		}
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
	// trialClient is a browser's User-Agent.
	trialClient = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// trial is a letter to try a template with.
func trial(kind login.MailKind) login.Letter {
	l := login.Letter{Kind: kind, Payload: login.MailPayload{Name: "Ann", At: time.Now(), From: "203.0.113.7/32", Client: trialClient, Account: login.Masked("ann@example.org"), Organization: "Example"}}
	if kind.HasCode() {
		l.Code, l.ValidFor = trialCode, login.MailCodeLife
	}
	if kind.Purpose() != "" {
		l.Link, l.ValidFor = trialLink, kind.LinkLife()
	}
	return l
}

// add reads the files of a kind and a language. If the language is in the catalogue, one
// of them is enough, and the other half is the built-in one.
func (t *Templates) add(base string, files map[string]string) error {
	name, tag, _ := strings.Cut(base, ".")
	kind := login.MailKind(name)
	if !slices.Contains(login.MailKinds(), kind) {
		return fmt.Errorf("mail template %s: no mail is called %s", base, kind)
	}
	p := pair{name: base}
	for ext, half := range map[string]**fasttemplate.Template{".txt": &p.text, ".html": &p.html} {
		content, ok := files[base+ext]
		if !ok && !t.catalogue.Has(tag) {
			return fmt.Errorf("mail template %s: there is no %s%s", base, base, ext)
		}
		if ok {
			var err error
			if *half, err = fasttemplate.NewTemplate(content, "{{", "}}"); err != nil {
				return fmt.Errorf("mail template %s%s: %w", base, ext, err)
			}
		}
	}
	m, err := t.renderPair(p, trial(kind), t.catalogue.Best(tag, t.fallback))
	if err != nil {
		return err
	}
	if kind.Purpose() != "" && (!strings.Contains(m.Text, trialLink) || !strings.Contains(m.HTML, trialLink)) {
		return fmt.Errorf("mail template %s: {{.Link}} must be in both files", base)
	}
	if kind.HasCode() && (!strings.Contains(m.Text, trialCode) || !strings.Contains(m.HTML, trialCode)) {
		return fmt.Errorf("mail template %s: {{.Code}} must be in both files", base)
	}
	t.pairs[base] = p
	return nil
}

func (t *Templates) has(kind login.MailKind, tag string) bool {
	_, ok := t.pairs[string(kind)+"."+tag]
	return ok || t.catalogue.Has(tag)
}

// render picks the best of the languages asked for, else the default, else English.
func (t *Templates) render(l login.Letter) (message, error) {
	tag, found := language.Lookup(l.Payload.Language+","+t.fallback, func(tag string) bool { return t.has(l.Kind, tag) })
	if !found {
		tag = language.English
	}
	texts := t.catalogue.Best(tag, t.fallback)
	p, ok := t.pairs[string(l.Kind)+"."+tag]
	if !ok {
		return t.site.compose(l, texts).message(), nil
	}
	m, err := t.renderPair(p, l, texts)
	m.Language = tag
	return m, err
}

// renderPair renders what stands in for a built-in mail.
func (t *Templates) renderPair(p pair, l login.Letter, texts *language.Texts) (message, error) {
	m := t.site.compose(l, texts).message()
	values := placeholders(t.site, texts, l)
	if p.html != nil {
		var err error
		if m.HTML, err = p.html.ExecuteFuncStringWithErr(fill(values, html.EscapeString)); err != nil {
			return message{}, fmt.Errorf("mail template %s.html: %w", p.name, err)
		}
	}
	if p.text != nil {
		plain, err := p.text.ExecuteFuncStringWithErr(fill(values, func(s string) string { return s }))
		if err != nil {
			return message{}, fmt.Errorf("mail template %s.txt: %w", p.name, err)
		}
		subject, body, ok := strings.Cut(plain, "\n\n")
		if !ok || strings.Contains(subject, "\n") || strings.TrimSpace(subject) == "" {
			return message{}, fmt.Errorf("mail template %s.txt: the first line is the subject, the second is empty", p.name)
		}
		m.Subject, m.Text = subject, body
	}
	return m, nil
}

// placeholders are the placeholders that a template of the letter's kind may use.
func placeholders(site Site, texts *language.Texts, l login.Letter) map[string]string {
	values := map[string]string{
		".Site": site.Name, ".Name": "", ".Time": unknown, ".From": from(l.Payload.From), ".Browser": browser(texts, l.Payload.Client),
	}
	if l.Payload.Name != "" {
		values[".Name"] = " " + l.Payload.Name
	}
	if !l.Payload.At.IsZero() {
		values[".Time"] = l.Payload.At.UTC().Format("2006-01-02 15:04 UTC")
	}
	if l.Kind.Purpose() == login.PurposeChangeEmail || l.Kind == login.MailOrganizationInvitation {
		values[".Account"] = cmp.Or(l.Payload.Account, unknown)
	}
	if l.Kind == login.MailOrganizationInvitation {
		values[".Organization"] = ""
		if l.Payload.Organization != "" {
			values[".Organization"] = " “" + l.Payload.Organization + "”"
		}
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
