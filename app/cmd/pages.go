package cmd

import (
	"fmt"
	"time"

	"hasura-login/app/config"
	"hasura-login/app/httpapi"
	"hasura-login/app/login"
	"hasura-login/app/pages"
	"hasura-login/app/password"
	"hasura-login/app/provider"
	"hasura-login/app/token"
)

// newPages makes the hosted pages; nil if the settings say no.
func newPages(cfg config.Config, deps pages.Deps, mailEnabled bool) (*pages.Site, error) {
	if !cfg.HostedPages {
		return nil, nil
	}
	l, err := loadLook(cfg)
	if err != nil {
		return nil, err
	}
	site, err := pages.New(pages.Settings{
		PublicURL: cfg.Origin(), Name: l.name, Brand: l.brand, Catalogue: l.catalogue, Language: cfg.MailLanguage, Apps: apps(cfg),
		SignUpEnabled: cfg.SignUp == string(login.SignUpOpen), MailEnabled: mailEnabled, MailSignIn: mailEnabled && cfg.MailSignIn != string(login.MailSignInOff), PasswordMinLength: cfg.PasswordMinLength,
		CommonPasswords: password.Common(),
	}, deps)
	if err != nil {
		return nil, fmt.Errorf("%sHOSTED_PAGES: %w", config.Prefix, err)
	}
	return site, nil
}

// pageDeps is what the pages work with.
func pageDeps(cfg config.Config, now func() time.Time, store Store, service *login.Service, verifier *token.Verifier, providers []*provider.Provider) pages.Deps {
	return pages.Deps{
		Service: service, Providers: providers, Export: ownExports(cfg, store),
		Flows: provider.Flows{Keys: func() [][]byte { return bytesOf(cfg.ServerSecret.Values()) }, Now: now},
		Identify: func(accessToken string) (login.Identity, error) {
			id, err := verifier.Verify(accessToken, now())
			return login.Identity{UserID: id.UserID, SessionID: id.SessionID}, err
		},
	}
}

func apps(cfg config.Config) []pages.App {
	var apps []pages.App
	for _, a := range cfg.Apps() {
		apps = append(apps, pages.App(a))
	}
	return apps
}

// routes are those that metrics count one by one.
func routes(cfg config.Config) []string {
	routes := append(httpapi.Routes(), httpapi.InternalRoutes()...)
	if cfg.HostedPages {
		routes = append(routes, httpapi.PageRoutes()...)
	}
	return routes
}

// linkToReset is where a mail leads that brings a new password: to the app's own
// page, or else to the hosted one. Empty: there is neither.
func linkToReset(cfg config.Config) string {
	if cfg.MailResetLink == "" && cfg.HostedPages {
		return pages.ResetLink(cfg.Origin())
	}
	return cfg.MailResetLink
}

// linkToVerify is the same for the mails that confirm an address.
func linkToVerify(cfg config.Config) string {
	if cfg.MailVerifyLink == "" && cfg.HostedPages {
		return pages.VerifyLink(cfg.Origin())
	}
	return cfg.MailVerifyLink
}

// linkToInvitation is the same for the mails that invite.
func linkToInvitation(cfg config.Config) string {
	if cfg.MailInvitationLink == "" && cfg.HostedPages {
		return pages.InvitationLink(cfg.Origin())
	}
	return cfg.MailInvitationLink
}

// linkToSignIn is the same for the mails that sign in.
func linkToSignIn(cfg config.Config) string {
	if cfg.MailSignInLink == "" && cfg.HostedPages {
		return pages.SignInLink(cfg.Origin())
	}
	return cfg.MailSignInLink
}
