// Package console is GraphiQL for development, with a form to sign in. It loads nothing
// from elsewhere. It is no console of Hasura.
package console

import (
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// The compressed files are built by make graphiql.
//
//go:embed page
var files embed.FS

// Handler serves the page below a path such as "/console".
func Handler(below string) http.Handler {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	assets := http.StripPrefix(below, http.FileServerFS(page))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == below {
			http.Redirect(w, r, below+"/", http.StatusFound)
			return
		}
		h := w.Header()
		// GraphiQL's menus and dialogs write style elements.
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'")
		h.Set("Cache-Control", "no-store")
		if content, err := fs.ReadFile(page, strings.TrimPrefix(r.URL.Path, below+"/")+".gz"); err == nil {
			h.Set("Content-Type", mime.TypeByExtension(path.Ext(r.URL.Path)))
			h.Set("Content-Encoding", "gzip")
			_, _ = w.Write(content) // #nosec G705 -- a file that is embedded
			return
		}
		assets.ServeHTTP(w, r)
	})
}
