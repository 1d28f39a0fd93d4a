package pages

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"

	"hasura-login/app/brand"
)

//go:embed assets/style.css
var styleCSS string

//go:embed assets/icon.svg
var iconSVG []byte

// Asset is a file that pages and mails load.
type Asset struct {
	Path    string
	Route   string // the path as metrics and logs name it
	Type    string
	Caching string // the value of Cache-Control
	Body    []byte
}

// The routes of assets. All but that of the mails' logo have a digest of their content
// in the path, so that it never changes under its path.
const (
	routeStyle    = "/auth/pages/style"
	routeCommon   = "/auth/pages/common-passwords"
	routeIcon     = "/auth/pages/icon"
	routeLogo     = "/auth/pages/logo"
	routeLogoDark = "/auth/pages/logo-dark"
	pathMailLogo  = "/auth/pages/logo-mail"
)

// AssetRoutes lists the routes of all assets that there can be.
func AssetRoutes() []string {
	return []string{routeStyle, routeCommon, routeIcon, routeLogo, routeLogoDark, pathMailLogo}
}

// assets are the assets of a site.
type assets struct {
	style, common, icon      Asset
	logo, logoDark, mailLogo *Asset // nil: none
}

func assetsOf(b brand.Brand, commonPasswords []byte) assets {
	icon := cmp.Or(b.Icon, &brand.File{Ext: ".svg", Type: "image/svg+xml", Body: iconSVG})
	a := assets{
		style:  assetOf(routeStyle, &brand.File{Ext: ".css", Type: "text/css; charset=utf-8", Body: []byte(variables(b) + styleCSS)}),
		common: assetOf(routeCommon, &brand.File{Ext: ".txt", Type: "text/plain; charset=utf-8", Body: commonPasswords}),
		icon:   assetOf(routeIcon, icon),
	}
	for _, image := range []struct {
		route string
		file  *brand.File
		to    **Asset
	}{{routeLogo, b.Logo, &a.logo}, {routeLogoDark, b.LogoDark, &a.logoDark}, {pathMailLogo, b.MailLogo, &a.mailLogo}} {
		if image.file != nil {
			made := assetOf(image.route, image.file)
			*image.to = &made
		}
	}
	if a.mailLogo != nil {
		a.mailLogo.Path, a.mailLogo.Caching = pathMailLogo, "public, max-age=86400"
	}
	return a
}

func assetOf(route string, f *brand.File) Asset {
	digest := sha256.Sum256(f.Body)
	return Asset{
		Path: route + "-" + hex.EncodeToString(digest[:8]) + f.Ext, Route: route,
		Type: f.Type, Caching: "public, max-age=31536000, immutable", Body: f.Body,
	}
}

// variables are the brand's colours, for the stylesheet.
func variables(b brand.Brand) string {
	of := func(s brand.Scheme) string {
		return fmt.Sprintf(":root { --page: %s; --card: %s; --text: %s; --soft: %s; --line: %s; --edge: %s; --accent: %s; --accent-strong: %s; --on-accent: %s; }\n",
			s.Page, s.Card, s.Text, s.Soft, s.Line, s.Edge, s.Accent, s.AccentStrong, s.OnAccent)
	}
	return of(b.Light) + "@media (prefers-color-scheme: dark) {\n" + of(b.Dark) + "}\n"
}

// Assets lists the files that pages and mails load.
func (s *Site) Assets() []Asset {
	all := []Asset{s.assets.style, s.assets.common, s.assets.icon}
	for _, a := range []*Asset{s.assets.logo, s.assets.logoDark, s.assets.mailLogo} {
		if a != nil {
			all = append(all, *a)
		}
	}
	return all
}
