package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	text "text/template"
	"time"

	"hasura-login/app/login"
)

//go:embed templates/*.txt templates/*.html
var embedded embed.FS

// Templates render letters. For each kind and language there are two files,
// KIND.LANGUAGE.txt, whose first line is the subject and whose second is empty,
// and KIND.LANGUAGE.html.
type Templates struct {
	fallback string
	pairs    map[string]pair // by kind.language
}

type pair struct {
	text *text.Template
	html *html.Template
}

// content is what a template sees.
type content struct {
	Name    string
	Link    string
	Minutes int // how long the link works
}

// LoadTemplates reads the embedded templates and those of a folder, unless it is
// empty. A file of the folder takes the place of the embedded one of its name;
// new languages are welcome. fallback is the language of who asked for none, or
// for one without templates. Every template is tried once: one that cannot work
// is an error now and not when somebody waits for a mail.
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
	for _, kind := range login.MailKinds() {
		if _, ok := t.pairs[string(kind)+"."+fallback]; !ok {
			problems = append(problems, fmt.Errorf("mail templates: there is none of %s in the default language %q", kind, fallback))
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

func (t *Templates) add(base string, files map[string]string) error {
	kind, _, _ := strings.Cut(base, ".")
	if !slices.Contains(login.MailKinds(), login.MailKind(kind)) {
		return fmt.Errorf("mail template %s.txt: no mail is called %s", base, kind)
	}
	htmlFile, ok := files[base+".html"]
	if !ok {
		return fmt.Errorf("mail template %s.txt: there is no %s.html", base, base)
	}
	var p pair
	var err error
	if p.text, err = text.New(base + ".txt").Option("missingkey=error").Parse(files[base+".txt"]); err != nil {
		return fmt.Errorf("mail template %w", err)
	}
	if p.html, err = html.New(base + ".html").Option("missingkey=error").Parse(htmlFile); err != nil {
		return fmt.Errorf("mail template %w", err)
	}
	const link = "https://app.example.org/#a-link-to-try-with"
	m, err := p.render(content{Name: "Ann", Link: link, Minutes: 30})
	if err != nil {
		return err
	}
	if !strings.Contains(m.Text, link) || !strings.Contains(m.HTML, link) {
		return fmt.Errorf("mail template %s: {{.Link}} must be in both files", base)
	}
	t.pairs[base] = p
	return nil
}

// render picks the language: the one asked for, its main language, the default.
func (t *Templates) render(l login.Letter) (message, error) {
	asked := strings.ToLower(l.Payload.Language)
	primary, _, _ := strings.Cut(asked, "-")
	for _, language := range []string{asked, primary, t.fallback} {
		p, ok := t.pairs[string(l.Kind)+"."+language]
		if !ok {
			continue
		}
		m, err := p.render(content{Name: l.Payload.Name, Link: l.Link, Minutes: int(l.ValidFor / time.Minute)})
		m.Language = language
		return m, err
	}
	return message{}, fmt.Errorf("there is no mail template of %s", l.Kind)
}

func (p pair) render(c content) (message, error) {
	var plain, rich bytes.Buffer
	if err := p.text.Execute(&plain, c); err != nil {
		return message{}, fmt.Errorf("mail template %w", err)
	}
	if err := p.html.Execute(&rich, c); err != nil {
		return message{}, fmt.Errorf("mail template %w", err)
	}
	subject, body, ok := strings.Cut(plain.String(), "\n\n")
	if !ok || strings.Contains(subject, "\n") || strings.TrimSpace(subject) == "" {
		return message{}, fmt.Errorf("mail template %s: the first line is the subject, the second is empty", p.text.Name())
	}
	return message{Subject: subject, Text: body, HTML: rich.String()}, nil
}
