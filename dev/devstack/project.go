package devstack

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"

	"hasura-login/hasura"
)

const (
	tablesFolder = "metadata/databases/default/tables"
	tablesFile   = tablesFolder + "/tables.yaml"
)

// project is the project of this repository, with organisations if the settings say so,
// and with the files of the folders that --add names. Such a folder is laid out like the project: migrations/default, and a file for
// each table in metadata/databases/default/tables, which it adds to tables.yaml by
// itself; sqlite/*.sql makes the same tables for SQLite.
func (v stack) project(organizations bool) (fs.FS, error) {
	base := hasura.Project()
	if organizations {
		var err error
		if base, err = hasura.WithOrganizations(); err != nil {
			return nil, err
		}
	}
	all := hasura.Files{}
	if err := all.CopyFrom(base); err != nil {
		return nil, err
	}
	for _, folder := range v.add {
		if _, err := os.Stat(folder); err != nil {
			return nil, fmt.Errorf("--add: %w", err)
		}
		more := hasura.Files{}
		if err := more.CopyFrom(os.DirFS(folder)); err != nil {
			return nil, fmt.Errorf("--add %s: %w", folder, err)
		}
		var lines bytes.Buffer
		for name, file := range more {
			if all[name] != nil && name != tablesFile {
				return nil, fmt.Errorf("--add %s: the project has a file %s already", folder, name)
			}
			if name == tablesFile {
				continue // every table of the folder is added
			}
			all[name] = file
			if path.Dir(name) == tablesFolder && path.Ext(name) == ".yaml" {
				fmt.Fprintf(&lines, "\n- \"!include %s\"", path.Base(name))
			}
		}
		all[tablesFile] = append(bytes.TrimRight(bytes.Clone(all[tablesFile]), "\n"), append(lines.Bytes(), '\n')...)
	}
	return all, nil
}
