package pages

import (
	"cmp"
	"slices"
	"strings"

	"hasura-login/app/brand"
	"hasura-login/app/login"
)

// page is what every page shows around its content.
type page struct {
	*texts
	Site       string
	Languages  []languageLink
	Links      brand.Links
	assets     assets
	Title      string
	Flash      notice
	Notice     string // Told, in words
	Intro      string
	ReturnURL  string
	ReturnName string
	Passkey    *form  // comes first; nil: none
	NoScript   string // shown if the form of a passkey cannot work
}

func (v *request) page(title string) page {
	flashed, told := v.flashed()
	back := cmp.Or(v.returnState.returnURL, v.usual())
	return page{
		texts: v.texts, Site: v.Name, Languages: v.languageLinks(), Links: v.Brand.Links, assets: v.assets,
		Title: title, Flash: flashed, Notice: told, ReturnURL: back, ReturnName: hostOf(back),
	}
}

// form is the content of a form.
type form struct {
	ID       string
	Action   string
	Do       string
	Hidden   []hidden
	Username string // for password managers, if the form does not ask for the account's address
	Fields   []field
	Button   string
	Detail   string // the object of the button, for screen readers
	Danger   bool
	Alert    string // an error of the form as a whole
	Failed   bool
	Links    []link
	// For a form that an authenticator fills in:
	Ceremony string // get or create
	Options  string // JSON
	Renew    string // where a page that was open for long requests new options
	// Providers are alternative ways to do the same.
	Providers []providerLink
}

type hidden struct{ Name, Value string }

type link struct{ URL, Text string }

// field is an input with its label. A page never repeats a password.
type field struct {
	Name         string
	Label        string
	Type         string
	Autocomplete string
	Value        string
	MinLength    int
	Hint         string
	Error        string
	Focus        bool
	Numeric      bool // a numeric keyboard
	New          bool // a password to be chosen; the script helps with it
}

// formOf makes a form that keeps the returnState.
func (v *request) formOf(path, do, button string, fields ...field) form {
	f := form{ID: "form", Action: path, Do: do, Fields: fields, Button: button}
	if do != "" {
		f.ID = do
	}
	for name, values := range v.returnState.values() {
		f.Hidden = append(f.Hidden, hidden{name, values[0]})
	}
	slices.SortFunc(f.Hidden, func(a, b hidden) int { return strings.Compare(a.Name, b.Name) })
	return f
}

// button is a form without fields.
func (v *request) button(path, do, text string) form { return v.formOf(path, do, text) }

// again shows a failed form again with its input, except passwords.
func (v *request) again(title string, f form, err error) error {
	f.blame(v.problem(err))
	v.write(formPage(v.page(title), f))
	return formError{err}
}

// problem is an error in the page's language.
type problem struct {
	Field   string // empty: the form as a whole
	Message string
}

// blame puts a problem and the focus where they belong.
func (f *form) blame(p problem) {
	f.Failed = true
	for i := range f.Fields {
		f.Fields[i].Focus = false
	}
	for i := range f.Fields {
		if f.Fields[i].Name == p.Field {
			f.Fields[i].Error, f.Fields[i].Focus = p.Message, true
			return
		}
	}
	f.Alert = p.Message
	for i := range f.Fields {
		if f.Fields[i].Type == "password" || i == len(f.Fields)-1 {
			f.Fields[i].Focus = true
			return
		}
	}
}

// problem explains an error to a person. It shows the API's own text only for codes
// that the pages have no text for.
func (v *request) problem(err error) problem {
	e := login.AsError(err)
	if text, ok := v.ProviderErrors[e.Code]; ok && strings.HasPrefix(v.r.URL.Path, pathOAuth) {
		return problem{Message: text}
	}
	switch e.Code {
	case login.CodeInvalidInput:
		return v.invalid(e)
	case login.CodeRateLimited, login.CodeOverloaded, login.CodeUnavailable:
		return problem{Message: v.Later[e.Code] + " " + v.comeBack(e.RetryAfter)}
	case login.CodeInvalidCode:
		return problem{Field: fieldCode, Message: v.Errors[e.Code]}
	case login.CodeEmailTaken:
		return problem{Field: "email", Message: v.Errors[e.Code]}
	case login.CodeInvalidCredentials:
		if v.r.URL.Path == pathAccount {
			return problem{Field: fieldCurrent, Message: v.CurrentWrong}
		}
		if v.r.URL.Path == pathVerify {
			return problem{Field: fieldPassword, Message: v.AccountWrong}
		}
	}
	if text, ok := v.Errors[e.Code]; ok {
		return problem{Message: text}
	}
	return problem{Message: e.Message}
}

// invalid shows an invalid argument at its form field.
func (v *request) invalid(e *login.Error) problem {
	names := map[string]string{
		"email": "email", "newEmail": "email", "name": "name", "code": fieldCode,
		"currentPassword": fieldCurrent, "password": fieldPassword, "newPassword": fieldPassword,
	}
	if v.r.URL.Path == pathAccount {
		names["password"] = fieldCurrent
	}
	name, known := names[e.Field]
	if !known {
		return problem{Message: e.Message}
	}
	return problem{Field: name, Message: v.invalidField(name, e.Problem, v.PasswordMinLength)}
}

// describedBy lists the ids of the texts that a screen reader reads with a field.
func describedBy(f form, i field, id string) string {
	var ids []string
	if f.Alert != "" && i.Focus {
		ids = append(ids, f.ID+"-alert")
	}
	if i.Error != "" {
		ids = append(ids, id+"-error")
	}
	if i.Hint != "" {
		ids = append(ids, id+"-hint")
	}
	return strings.Join(ids, " ")
}

// OwnerLinks are the owner's links that there are.
func (p page) OwnerLinks() []link {
	return slices.DeleteFunc([]link{{p.Links.Terms, p.Terms}, {p.Links.Privacy, p.Privacy}, {p.Links.Support, p.Support}},
		func(l link) bool { return l.URL == "" })
}
