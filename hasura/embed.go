// Package hasura holds the project of the Hasura CLI: metadata and migrations.
// They are embedded so that the development stand-in serves, and the tests
// check, the very files that production applies.
package hasura

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed config.yaml metadata migrations organizations
var files embed.FS

// Project is the whole CLI project: config.yaml, metadata/ and migrations/.
func Project() fs.FS { return files }

const (
	organizations = "organizations/"
	tablesFolder  = "metadata/databases/default/tables/"
)

// WithOrganizations is the project as the migrations job applies it if organisations are
// on: with the files of organizations/, and a line for each of its tables in
// tables.yaml. ops/migrate/entrypoint.sh does the same.
func WithOrganizations() (fs.FS, error) {
	project, included := Files{}, bytes.Buffer{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		added, more := strings.CutPrefix(name, organizations)
		project[added] = content
		if more && path.Dir(added)+"/" == tablesFolder {
			fmt.Fprintf(&included, "- \"!include %s\"\n", path.Base(added))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	tables := tablesFolder + "tables.yaml"
	project[tables] = append(append(bytes.Clone(project[tables]), '\n'), included.Bytes()...)
	return project, nil
}
