package mail

import (
	"slices"
	"strings"
	"time"

	"hasura-login/app/brand"
	"hasura-login/app/language"
	"hasura-login/app/login"
	"hasura-login/app/useragent"
)

// Site is what mails say of the site that sends them.
type Site struct {
	Name  string
	Brand brand.Brand
	// Account is the address of the account's page and Logo that of the brand's MailLogo;
	// each may be empty.
	Account, Logo string
}

// content is a built-in mail: its parts in the order in which people read them.
type content struct {
	*language.Texts
	Site    Site
	Subject string
	Hello   string
	Text    string
	Code    string // empty: none
	OrLink  string // between a code and a link
	Link    string // empty: none
	Button  string
	Notes   []string // on code and link
	Facts   []fact
	IfNot   string // what to do if the reader has not caused the mail
	Account string // a link to the account; empty: none
	Footer  string
}

// fact is a line about what happened.
type fact struct{ Name, Value string }

// compose puts a built-in mail together. A mail about the account of a person who has
// been here before links to that account's page; one with a link of its own does not, so
// that there is one thing to click on, and one to what may be a stranger's mailbox has
// nothing to click on.
func (s Site) compose(l login.Letter, t *language.Texts) content {
	kind := "mail." + string(l.Kind) + "."
	c := content{
		Texts: t, Site: s, Code: l.Code, Link: l.Link,
		Hello: t.Text("mail.hello"),
		Text:  t.Text(textOf(kind, l), "site", s.Name, "account", l.Payload.Account, "organization", l.Payload.Organization, "time", when(t, l.Payload.At)),
		IfNot: t.Text(kind+"ifNot", "site", s.Name), Footer: t.Text("mail.footer", "site", s.Name),
	}
	c.Subject = t.Text("mail.subject", "subject", t.Text(kind+"subject"), "site", s.Name)
	if l.Payload.Name != "" {
		c.Hello = t.Text("mail.helloName", "name", l.Payload.Name)
	}
	if l.Link != "" {
		c.Button = t.Text(kind + "button")
	}
	if l.Link != "" && l.Code != "" {
		c.OrLink = t.Text("mail.orLink")
	}
	if name, n := validity(l); name != "" {
		c.Notes = append(c.Notes, t.Count(name, n))
	}
	if l.Code != "" {
		c.Notes = append(c.Notes, t.Text("mail.keepSecret"))
	}
	c.Facts = facts(l, t)
	if slices.Contains(login.NoticeKinds(), l.Kind) || l.Kind == login.MailElevationCode {
		c.Account = s.Account
	}
	return c
}

// textOf names the text of a mail. An organisation whose name looks like a link is not
// named.
func textOf(kind string, l login.Letter) string {
	if l.Kind == login.MailOrganizationInvitation && l.Payload.Organization == "" {
		return kind + "textUnnamed"
	}
	return kind + "text"
}

// validity is the text that says how long link and code work, and its number.
func validity(l login.Letter) (name string, n int) {
	switch {
	case l.Link != "" && l.Code != "":
		name = "mail.bothWork."
	case l.Code != "":
		name = "mail.codeWorks."
	case l.Link != "":
		name = "mail.linkWorks."
	default:
		return "", 0
	}
	switch {
	case l.ValidFor >= 48*time.Hour:
		return name + "days", int(l.ValidFor / (24 * time.Hour))
	case l.ValidFor > 2*time.Hour:
		return name + "hours", int(l.ValidFor / time.Hour)
	default:
		return name + "minutes", int(l.ValidFor / time.Minute)
	}
}

// facts say when, with which browser and from where the mail was caused. The time in
// two kinds is that of the sign-up, which their text mentions.
func facts(l login.Letter, t *language.Texts) []fact {
	var all []fact
	if l.Kind == login.MailSetPassword { // an operator sends it
		return nil
	}
	if l.Kind != login.MailVerifyEmail {
		all = append(all, fact{t.Text("mail.when"), when(t, l.Payload.At)})
	}
	if l.Kind.Purpose() == login.PurposeInvitation { // another person has caused it
		return all
	}
	return append(all, fact{t.Text("mail.browser"), browser(t, l.Payload.Client)}, fact{t.Text("mail.from"), from(l.Payload.From)})
}

const unknown = "–"

func when(t *language.Texts, at time.Time) string {
	if at.IsZero() {
		return unknown
	}
	return t.Time(at)
}

// browser names a client by names from a closed list only.
func browser(t *language.Texts, userAgent string) string {
	browser, system, ok := useragent.Names(userAgent)
	if !ok {
		return t.Text("mail.unknownBrowser")
	}
	return t.Text("language.browser", "browser", browser, "system", system)
}

func from(prefix string) string {
	if prefix == "" {
		return unknown
	}
	return strings.TrimSuffix(prefix, "/32")
}

// start is the side where lines begin. Mail programs know no text-align: start.
func (c content) start() string {
	if c.RightToLeft() {
		return "right"
	}
	return "left"
}

// message renders a mail as text and as HTML.
func (c content) message() message {
	return message{Language: c.Tag, Subject: c.Subject, Text: c.plain(), HTML: htmlOf(c)}
}

// plain is the mail as text.
func (c content) plain() string {
	paragraphs := []string{wrap(c.Hello), wrap(c.Text), c.Code, wrap(c.OrLink), c.Link}
	for _, note := range c.Notes {
		paragraphs = append(paragraphs, wrap(note))
	}
	var lines []string
	for _, f := range c.Facts {
		lines = append(lines, f.Name+": "+f.Value)
	}
	paragraphs = append(paragraphs, strings.Join(lines, "\n"), wrap(c.IfNot))
	if c.Account != "" {
		paragraphs = append(paragraphs, c.Texts.Text("mail.account")+":\n"+c.Account)
	}
	footer := []string{"-- ", wrap(c.Footer)}
	for _, l := range c.links() {
		footer = append(footer, l.Name+": "+l.Value)
	}
	paragraphs = append(paragraphs, strings.Join(footer, "\n"))
	return strings.Join(slices.DeleteFunc(paragraphs, func(p string) bool { return p == "" }), "\n\n") + "\n"
}

// links are the owner's links, for the end of a mail.
func (c content) links() []fact {
	var all []fact
	for _, l := range []fact{
		{c.Texts.Text("page.support"), c.Site.Brand.Links.Support}, {c.Texts.Text("page.privacy"), c.Site.Brand.Links.Privacy}, {c.Texts.Text("page.terms"), c.Site.Brand.Links.Terms},
	} {
		if l.Value != "" {
			all = append(all, l)
		}
	}
	return all
}

// width is where lines of text are broken, at plain spaces. French, for example, has
// others that keep a mark next to its word.
const width = 72

func wrap(text string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' }) {
		length := len([]rune(word))
		switch {
		case i == 0:
		case column+1+length > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += length
	}
	return b.String()
}
