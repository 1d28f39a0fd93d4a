package cmd

import (
	"cmp"
	"fmt"
	"net/mail"
	"net/url"
	"path/filepath"
	"strings"

	"hasura-login/app/brand"
	"hasura-login/app/config"
	"hasura-login/app/language"
	loginmail "hasura-login/app/mail"
	"hasura-login/app/pages"
)

// look is what pages and mails have in common.
type look struct {
	name      string // of the site
	brand     brand.Brand
	catalogue *language.Catalogue
}

// loadLook reads BRAND_DIR.
func loadLook(cfg config.Config) (look, error) {
	l := look{name: siteName(cfg)}
	var err error
	texts := ""
	if cfg.BrandDir != "" {
		texts = filepath.Join(cfg.BrandDir, "texts")
	}
	if l.brand, err = brand.Load(cfg.BrandDir); err == nil {
		l.catalogue, err = language.Load(texts)
	}
	if err != nil {
		return l, fmt.Errorf("%sBRAND_DIR: %w", config.Prefix, err)
	}
	return l, nil
}

// siteName is the name that users know the site by: the setting, or the host that they
// see, or the name of the sender of mails.
func siteName(cfg config.Config) string {
	host, sender := "", ""
	if u, err := url.Parse(cfg.Origin()); err == nil {
		host = u.Host
	}
	if from, err := mail.ParseAddress(cfg.MailFrom); err == nil {
		_, domain, _ := strings.Cut(from.Address, "@")
		sender = cmp.Or(from.Name, domain)
	}
	return cmp.Or(cfg.HostedPagesName, host, sender, cfg.Issuer)
}

// templates are the mails as this site sends them.
func templates(cfg config.Config) (*loginmail.Templates, error) {
	l, err := loadLook(cfg)
	if err != nil {
		return nil, err
	}
	site := loginmail.Site{Name: l.name, Brand: l.brand}
	if cfg.HostedPages {
		site.Account = pages.AccountLink(cfg.Origin())
		if l.brand.MailLogo != nil {
			site.Logo = pages.MailLogoLink(cfg.Origin())
		}
	}
	return loginmail.LoadTemplates(loginmail.Options{Folder: cfg.MailTemplates, Fallback: cfg.MailLanguage, Catalogue: l.catalogue, Site: site})
}

// Catalogue has the texts of this configuration.
func Catalogue(cfg config.Config) (*language.Catalogue, error) {
	l, err := loadLook(cfg)
	return l.catalogue, err
}
