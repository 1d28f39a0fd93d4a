package pages

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
)

//go:embed assets/style.css
var styleCSS []byte

//go:embed assets/icon.svg
var iconSVG []byte

// Asset is a file whose content never changes under its path.
type Asset struct {
	Path  string // with a digest of the content
	Route string // the path as metrics and logs name it
	Type  string
	Body  []byte
}

// AssetCaching is the Cache-Control of assets.
const AssetCaching = "public, max-age=31536000, immutable"

// Assets lists the files that the pages load.
func Assets() []Asset { return []Asset{stylesheet(), icon()} }

func stylesheet() Asset { return assetOf("style", ".css", "text/css; charset=utf-8", styleCSS) }

func icon() Asset { return assetOf("icon", ".svg", "image/svg+xml", iconSVG) }

func assetOf(name, ext, contentType string, body []byte) Asset {
	digest := sha256.Sum256(body)
	return Asset{
		Path:  "/auth/pages/" + name + "-" + hex.EncodeToString(digest[:8]) + ext,
		Route: "/auth/pages/" + name + ext, Type: contentType, Body: body,
	}
}
