// Package inbox shows on a page the mails that development does not send.
package inbox

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"hasura-login/app/mail"
)

// most is how many mails it keeps; older ones go.
const most = 200

// Inbox keeps mails in memory. Its zero value is empty.
type Inbox struct {
	mu    sync.Mutex
	mails []numbered // the newest last
	last  int
}

type numbered struct {
	mail.Shown
	Number int
}

// Keep adds a mail.
func (i *Inbox) Keep(m mail.Shown) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last++
	i.mails = append(i.mails, numbered{m, i.last})
	if len(i.mails) > most {
		i.mails = i.mails[1:]
	}
}

var link = regexp.MustCompile(`https?://[^\s<>"]+`)

// Part is a piece of a mail's text: a link, or what is between links.
type Part struct{ Text, URL string }

// Parts are the mail's text with its links to click on.
func (n numbered) Parts() []Part {
	var parts []Part
	at := 0
	for _, where := range link.FindAllStringIndex(n.Text, -1) {
		url := n.Text[where[0]:where[1]]
		parts = append(parts, Part{Text: n.Text[at:where[0]]}, Part{Text: url, URL: url})
		at = where[1]
	}
	return append(parts, Part{Text: n.Text[at:]})
}

func (i *Inbox) newestFirst() []numbered {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := slices.Clone(i.mails)
	slices.Reverse(list)
	return list
}

//go:embed inbox.html
var source string

var page = template.Must(template.New("inbox").Parse(source))

// Handler serves the mails below a path such as "/inbox": the list with one mail open,
// and /inbox/last, the number of the newest, for the page to notice a new one.
func (i *Inbox) Handler(path string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"/last", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(i.last)
	})
	show := func(w http.ResponseWriter, r *http.Request) {
		list := i.newestFirst()
		shown := struct {
			Path  string
			Mails []numbered
			Open  *numbered
		}{Path: path, Mails: list}
		wanted, err := strconv.Atoi(r.PathValue("number"))
		for n := range list {
			if list[n].Number == wanted || r.PathValue("number") == "" && n == 0 {
				shown.Open = &list[n]
			}
		}
		if r.PathValue("number") != "" && (err != nil || shown.Open == nil) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// The mail's HTML stays in its frame, without script.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'")
		_ = page.Execute(w, shown)
	}
	mux.HandleFunc("GET "+path, show)
	mux.HandleFunc("GET "+path+"/{number}", show)
	return mux
}
