// Package console is a small GraphQL page for development: an editor, a schema to look
// things up in, sign-in, and subscriptions. It loads nothing from elsewhere. It is no
// GraphiQL, and no console of Hasura.
package console

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
)

//go:embed page
var files embed.FS

// Handler serves the page below a path such as "/console". login is the URL of the login
// API, which the page signs in at.
func Handler(path, login string) http.Handler {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	assets := http.StripPrefix(path, http.FileServerFS(page))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			http.Redirect(w, r, path+"/", http.StatusFound)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' %s; base-uri 'none'; form-action 'none'", login))
		h.Set("Cache-Control", "no-store")
		if r.URL.Path == path+"/settings.json" {
			h.Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, "{\"login\": %q}", login)
			return
		}
		assets.ServeHTTP(w, r)
	})
}
