// Package contract holds openapi.yaml, which the service serves.
package contract

import _ "embed"

// OpenAPI is the description of the REST half.
//
//go:embed openapi.yaml
var OpenAPI []byte
