package httpapi

import "hasura-login/app/login"

type providerAnswer struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Path  string `json:"path"` // where the browser begins
}

func providersOf(all []login.ProviderInfo) []providerAnswer {
	answers := make([]providerAnswer, 0, len(all))
	for _, p := range all {
		answers = append(answers, providerAnswer{p.Name, p.Title, "/auth/oauth/" + p.Name})
	}
	return answers
}

type identityAnswer struct {
	ID         string `json:"id"`
	Provider   string `json:"provider"`
	Email      string `json:"email"`
	CreatedAt  string `json:"createdAt"`
	LastUsedAt string `json:"lastUsedAt"`
}

func identitiesOf(all []login.ProviderIdentity, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	answers := make([]identityAnswer, 0, len(all))
	for _, i := range all {
		answers = append(answers, identityAnswer{i.ID, i.Provider, i.Email, stamp(i.CreatedAt), stamp(i.LastUsedAt)})
	}
	return answers, nil
}
