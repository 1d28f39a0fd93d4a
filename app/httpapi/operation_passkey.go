package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"hasura-login/app/login"
)

// credential is what an authenticator answered, as toJSON() makes it.
func credential(optional bool) field {
	return field{name: "credential", json: true, optional: optional}
}

// passkeyOperations are those about passkeys.
func passkeyOperations() []operation {
	id := field{name: "id", inPath: true}
	return []operation{
		{
			name: login.OpSignInPasskeyOptions, method: http.MethodPost, path: "/auth/signin/passkey/options", status: http.StatusOK,
			run: func(ctx context.Context, s *login.Service, _ call) (any, error) {
				return optionsOf(s.SignInPasskeyOptions(ctx))
			},
		},
		{
			name: login.OpSignInPasskey, method: http.MethodPost, path: "/auth/signin/passkey", status: http.StatusOK, grants: true,
			fields: []field{credential(false), {name: "deviceToken", optional: true}},
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.SignInPasskey(ctx, login.SignInPasskeyInput{Answer: []byte(c.args["credential"]), DeviceToken: c.args["deviceToken"], Client: c.client}))
			},
		},
		{
			name: login.OpElevationOptions, method: http.MethodPost, path: "/auth/elevate/options", status: http.StatusOK,
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return optionsOf(s.ElevationOptions(ctx, c.identity, c.client))
			},
		},
		{
			name: login.OpPasskeyOptions, method: http.MethodPost, path: "/auth/passkeys/options", status: http.StatusOK,
			fields: ownPassword(),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return optionsOf(s.PasskeyOptions(ctx, c.identity, c.args["password"], c.client))
			},
		},
		{
			name: login.OpAddPasskey, method: http.MethodPost, path: "/auth/passkeys", status: http.StatusCreated,
			fields: []field{credential(false), {name: "name", optional: true}},
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				p, err := s.AddPasskey(ctx, c.identity, login.AddPasskeyInput{Answer: []byte(c.args["credential"]), Name: c.args["name"], Client: c.client})
				if err != nil {
					return nil, err
				}
				return passkeyOf(p), nil
			},
		},
		{
			name: login.OpPasskeys, method: http.MethodGet, path: "/auth/passkeys", status: http.StatusOK,
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				list, err := s.ListPasskeys(ctx, c.identity)
				if err != nil {
					return nil, err
				}
				answers := make([]passkeyAnswer, len(list))
				for i, p := range list {
					answers[i] = passkeyOf(p)
				}
				return answers, nil
			},
		},
		{
			name: login.OpRenamePasskey, method: http.MethodPatch, path: "/auth/passkeys/:id", status: http.StatusNoContent,
			fields: append([]field{id}, required("name")...),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.RenamePasskey(ctx, c.identity, c.args["id"], c.args["name"], c.client)
			},
		},
		{
			name: login.OpRemovePasskey, method: http.MethodDelete, path: "/auth/passkeys/:id", status: http.StatusNoContent,
			fields: append([]field{id}, ownPassword()...),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.RemovePasskey(ctx, c.identity, c.args["id"], c.args["password"], c.client)
			},
		},
		{
			name: login.OpRemovePassword, method: http.MethodDelete, path: "/auth/password", status: http.StatusOK, grants: true,
			fields: ownPassword(),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.RemovePassword(ctx, c.identity, c.args["password"], c.client))
			},
		},
	}
}

// optionsAnswer is the GraphQL type PasskeyOptions.
type optionsAnswer struct {
	Options json.RawMessage `json:"options"`
}

func optionsOf(options json.RawMessage, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return optionsAnswer{options}, nil
}

// passkeyAnswer is the GraphQL type Passkey.
type passkeyAnswer struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	CreatedAt  string  `json:"createdAt"`
	LastUsedAt *string `json:"lastUsedAt"`
	// BackedUp tells that the key is on other devices of its owner too.
	BackedUp bool `json:"backedUp"`
}

func passkeyOf(p login.Passkey) passkeyAnswer {
	a := passkeyAnswer{ID: p.ID, Name: p.Name, CreatedAt: stamp(p.CreatedAt), BackedUp: p.BackedUp}
	if !p.LastUsedAt.IsZero() {
		used := stamp(p.LastUsedAt)
		a.LastUsedAt = &used
	}
	return a
}
