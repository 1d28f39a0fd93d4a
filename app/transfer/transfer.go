// Package transfer reads the exports of other systems, imports their users, and exports
// ours for other systems. Each format has a file here.
package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"hasura-login/app/login"
)

// Row is one user of a file, or the record's error.
type Row struct {
	Line   int // where the record begins
	Record login.ImportRecord
	Err    error // the record is unusable
}

// Reader returns the users of a file one after the other, and io.EOF at its end. Any
// other error ends the reading, because the rest of the file cannot be parsed.
type Reader interface {
	Next() (Row, error)
}

// Options are what a format needs besides the file.
type Options struct {
	// FirebaseParameters is the text of "password hash parameters" in Firebase's console.
	FirebaseParameters string
}

// format is one system's form of users.
type format struct {
	name string
	open func(in *bufio.Reader, o Options) (Reader, error)
}

var formats = []format{
	{"ndjson", ofJSON("", looksGeneric, generic)},
	{"hasura-auth", ofJSON("", hasAll("email", "password_hash"), hasuraAuth)},
	{"supabase", ofJSON("", hasAll("email", "encrypted_password"), supabase)},
	{"firebase", openFirebase},
	{"auth0", ofJSON("", hasAny("_id", "user_id"), auth0)},
	{"kratos", ofJSON("", hasAll("traits"), kratos)},
	{"keycloak", ofJSON("users", hasAll("username"), keycloak)},
	{"django", ofJSON("", looksDjango, django)},
	{"wordpress", ofJSON("", hasAll("user_email"), wordpress)},
	{"sha-crypt", openPasswd},
	{"tutorial", ofJSON("", looksTutorial, tutorial)},
}

// Formats lists the names that Open accepts.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// Open begins to read a file of the named format. It fails before the first user if the
// file has another format.
func Open(name string, in io.Reader, o Options) (Reader, error) {
	for _, f := range formats {
		if f.name == name || name == "nhost" && f.name == "hasura-auth" {
			buffered := bufio.NewReaderSize(in, 1<<16)
			if err := refuseBinary(buffered); err != nil {
				return nil, err
			}
			return f.open(buffered, o)
		}
	}
	return nil, fmt.Errorf("no format %q; there are: %s", name, strings.Join(Formats(), ", "))
}

// refuseBinary names the kind of a file that is not text, and skips a byte order mark.
func refuseBinary(in *bufio.Reader) error {
	start, err := in.Peek(5)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for prefix, is := range map[string]string{
		"\x1f\x8b":         "is compressed by gzip; unpack it first: gunzip -c FILE | … -",
		"\x28\xb5\x2f\xfd": "is compressed by zstd; unpack it first",
		"BZh":              "is compressed by bzip2; unpack it first",
		"PK\x03\x04":       "is a zip archive; unpack it first",
		"age-e":            "is encrypted by age; decrypt it first: age -d -i KEY FILE | … -",
		"PGDMP":            "is a dump of pg_dump's custom format; export the users as docs/moving.md says",
		"\xff\xfe":         "is UTF-16; convert it to UTF-8 first: iconv -f UTF-16 -t UTF-8",
		"\xfe\xff":         "is UTF-16; convert it to UTF-8 first: iconv -f UTF-16 -t UTF-8",
	} {
		if bytes.HasPrefix(start, []byte(prefix)) {
			return fmt.Errorf("the file %s", is)
		}
	}
	if bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) {
		_, err = in.Discard(3)
		return err
	}
	if bytes.IndexByte(start, 0) >= 0 {
		return errors.New("the file is not text")
	}
	return nil
}
