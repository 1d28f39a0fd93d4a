// Package brand reads what makes the pages and mails the owner's: logo, icon, colours
// and links, from a folder.
package brand

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Brand is how a site looks.
type Brand struct {
	Light, Dark Scheme
	Links       Links
	Logo        *File // nil: the site's name stands there
	LogoDark    *File // nil: Logo is for dark pages too
	Icon        *File // nil: the built-in one
	// MailLogo is a logo that mail programs show, which few do with SVG.
	MailLogo *File
}

// Links lead to the owner's pages; each may be empty.
type Links struct {
	Terms   string `json:"terms"`
	Privacy string `json:"privacy"`
	Support string `json:"support"`
}

// File is an image.
type File struct {
	Ext  string // .svg, .png or the like
	Type string // its media type
	Body []byte
}

// settings is the content of brand.json.
type settings struct {
	Colors struct {
		Light Colors `json:"light"`
		Dark  Colors `json:"dark"`
	} `json:"colors"`
	Links Links `json:"links"`
}

const (
	settingsFile = "brand.json"
	// maxImage bounds an image; each page loads the logo and the icon.
	maxImage = 256 << 10
)

// Load reads a folder; an empty name stands for the built-in brand. Every fault is an
// error: a page that cannot be read is worse than a start that fails.
func Load(folder string) (Brand, error) {
	var s settings
	var b Brand
	var problems []error
	if folder != "" {
		root := os.DirFS(folder)
		if _, err := fs.ReadDir(root, "."); err != nil {
			return b, err
		}
		problems = append(problems, s.read(root), b.readImages(root))
	}
	b.Links = s.Links
	for name, address := range map[string]string{"terms": b.Links.Terms, "privacy": b.Links.Privacy, "support": b.Links.Support} {
		if !isLink(address) {
			problems = append(problems, fmt.Errorf("%s: the link %q must be an https or mailto URL; got %q", settingsFile, name, address))
		}
	}
	var lightErr, darkErr error
	b.Light, lightErr = scheme("light", s.Colors.Light, builtInLight)
	dark := s.Colors.Dark
	if dark.Accent == "" && s.Colors.Light.Accent != "" && lightErr == nil {
		dark.Accent = readableOn(s.Colors.Light.Accent, dark.Card, builtInDark.Card)
	}
	b.Dark, darkErr = scheme("dark", dark, builtInDark)
	return b, errors.Join(append(problems, lightErr, darkErr)...)
}

func (s *settings) read(root fs.FS) error {
	content, err := fs.ReadFile(root, settingsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return fmt.Errorf("%s: %w", settingsFile, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: there is more after the closing brace", settingsFile)
	}
	return nil
}

func (b *Brand) readImages(root fs.FS) error {
	var problems []error
	for name, to := range map[string]**File{"logo": &b.Logo, "logo-dark": &b.LogoDark, "icon": &b.Icon, "logo-mail": &b.MailLogo} {
		var err error
		if *to, err = image(root, name); err != nil {
			problems = append(problems, err)
		}
	}
	if b.LogoDark != nil && b.Logo == nil {
		problems = append(problems, errors.New("there is a logo-dark and no logo"))
	}
	if b.MailLogo == nil && b.Logo != nil && b.Logo.Ext != ".svg" {
		b.MailLogo = b.Logo
	}
	if b.MailLogo != nil && b.MailLogo.Ext == ".svg" {
		problems = append(problems, errors.New("logo-mail.svg: most mail programs show no SVG; use PNG"))
	}
	return errors.Join(problems...)
}

// types are the media types of images, by extension.
var types = map[string]string{
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".ico": "image/x-icon",
}

// image finds a file of this name with any of the extensions; nil if there is none.
func image(root fs.FS, name string) (*File, error) {
	matches, err := fs.Glob(root, name+".*")
	if err != nil || len(matches) == 0 {
		return nil, err
	}
	if len(matches) > 1 {
		return nil, fmt.Errorf("there are several files: %s; keep one", strings.Join(matches, ", "))
	}
	ext := filepath.Ext(matches[0])
	kind, known := types[ext]
	if !known || matches[0] != name+ext {
		return nil, fmt.Errorf("%s: an image must be .svg, .png, .jpg, .webp or .ico", matches[0])
	}
	body, err := fs.ReadFile(root, matches[0])
	if err != nil {
		return nil, err
	}
	if len(body) > maxImage {
		return nil, fmt.Errorf("%s has %d bytes; it may have %d", matches[0], len(body), maxImage)
	}
	if !isOf(kind, body) {
		return nil, fmt.Errorf("%s is not what its name says", matches[0])
	}
	return &File{Ext: ext, Type: kind, Body: body}, nil
}

func isOf(kind string, body []byte) bool {
	if kind == types[".svg"] {
		return bytes.Contains(body[:min(len(body), 4096)], []byte("<svg"))
	}
	return http.DetectContentType(body) == kind
}

// isLink accepts the targets that a page may link to.
func isLink(address string) bool {
	u, err := url.Parse(address)
	return address == "" || err == nil && (u.Scheme == "https" && u.Host != "" || u.Scheme == "mailto" && u.Opaque != "")
}
