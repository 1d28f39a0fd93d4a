package mail

import (
	"embed"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasttemplate"

	"hasura-login/app/login"
)

//go:embed templates/*.txt templates/*.html
var embedded embed.FS

// Templates render letters. For each kind and language there are two files,
// KIND.LANGUAGE.txt, whose first line is the subject and whose second is empty,
// and KIND.LANGUAGE.html. They hold placeholders and no logic: {{.Link}}, the
// {{.Minutes}} that it works, and {{.Name}}, which brings a blank before it and is
// nothing where the name is not known. (The standard library's templates call
// methods by name, for which the linker would keep every method there is.)
type Templates struct {
	fallback string
	pairs    map[string]pair // by kind.language
}

type pair struct {
	name string // of the text's file
	text *fasttemplate.Template
	html *fasttemplate.Template
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
	p := pair{name: base + ".txt"}
	var err error
	if p.text, err = fasttemplate.NewTemplate(files[p.name], "{{", "}}"); err != nil {
		return fmt.Errorf("mail template %s: %w", p.name, err)
	}
	if p.html, err = fasttemplate.NewTemplate(htmlFile, "{{", "}}"); err != nil {
		return fmt.Errorf("mail template %s.html: %w", base, err)
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
	plain, err := p.text.ExecuteFuncStringWithErr(c.fill(func(s string) string { return s }))
	if err != nil {
		return message{}, fmt.Errorf("mail template %s: %w", p.name, err)
	}
	rich, err := p.html.ExecuteFuncStringWithErr(c.fill(html.EscapeString))
	if err != nil {
		return message{}, fmt.Errorf("mail template of the HTML beside %s: %w", p.name, err)
	}
	subject, body, ok := strings.Cut(plain, "\n\n")
	if !ok || strings.Contains(subject, "\n") || strings.TrimSpace(subject) == "" {
		return message{}, fmt.Errorf("mail template %s: the first line is the subject, the second is empty", p.name)
	}
	return message{Subject: subject, Text: body, HTML: rich}, nil
}

// fill writes what a placeholder stands for, escaped for its surroundings: text,
// or HTML within or outside of a quoted attribute.
func (c content) fill(escape func(string) string) fasttemplate.TagFunc {
	values := map[string]string{".Link": c.Link, ".Minutes": strconv.Itoa(c.Minutes), ".Name": ""}
	if c.Name != "" {
		values[".Name"] = " " + c.Name
	}
	return func(w io.Writer, tag string) (int, error) {
		value, ok := values[strings.TrimSpace(tag)]
		if !ok {
			return 0, fmt.Errorf("{{%s}} is not one of {{.Link}}, {{.Minutes}}, {{.Name}}", tag)
		}
		return io.WriteString(w, escape(value))
	}
}
