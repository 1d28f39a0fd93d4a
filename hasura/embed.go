// Package hasura holds the project of the Hasura CLI: metadata and migrations.
// They are embedded so that the development stand-in serves, and the tests
// check, the very files that production applies.
package hasura

import (
	"embed"
	"io/fs"
)

//go:embed config.yaml metadata migrations
var files embed.FS

// Project is the whole CLI project: config.yaml, metadata/ and migrations/.
func Project() fs.FS { return files }
