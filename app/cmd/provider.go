package cmd

import (
	"fmt"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/provider"
)

// loadProviders reads the file that lists them. s counts what becomes of calls.
func loadProviders(cfg config.Config, s *Service) ([]*provider.Provider, error) {
	if cfg.ProvidersFile == "" {
		return nil, nil
	}
	all, err := provider.Load(cfg.ProvidersFile, provider.Options{PublicURL: cfg.Origin(), Observer: s})
	if err != nil {
		return nil, fmt.Errorf("%sPROVIDERS: %w", config.Prefix, err)
	}
	return all, nil
}

// ProviderCall implements provider.Observer.
func (s *Service) ProviderCall(name, result string) { s.metrics.ProviderCall(name, result) }

func namesOf(all []*provider.Provider) []string {
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names
}

func infosOf(all []*provider.Provider) []login.ProviderInfo {
	var infos []login.ProviderInfo
	for _, p := range all {
		infos = append(infos, login.ProviderInfo{Name: p.Name, Title: p.Title})
	}
	return infos
}
