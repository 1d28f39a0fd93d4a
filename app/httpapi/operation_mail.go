package httpapi

import (
	"context"
	"net/http"
	"time"

	"hasura-login/app/login"
)

// mailOperations are those by which a mailed code or link proves who somebody is.
func mailOperations() []operation {
	return []operation{
		{
			name: login.OpRequestMailSignIn, method: http.MethodPost, path: "/auth/signin/mail", status: http.StatusAccepted,
			fields: append(required("email"), field{name: "language", optional: true}, field{name: "deviceToken", optional: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return mailChallengeOf(s.RequestMailSignIn(ctx, login.RequestMailSignInInput{Email: c.args["email"], Language: c.args["language"], DeviceToken: c.args["deviceToken"], Client: c.client}))
			},
		},
		{
			name: login.OpMailSignInCode, method: http.MethodPost, path: "/auth/signin/mail/code", status: http.StatusOK, grants: true,
			fields: append(required("challenge", "code"), field{name: "name", optional: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.SignInMailCode(ctx, login.MailSignInCodeInput{Challenge: c.args["challenge"], Code: c.args["code"], Name: c.args["name"], Client: c.client}))
			},
		},
		{
			name: login.OpMailSignInLink, method: http.MethodPost, path: "/auth/signin/mail/link", status: http.StatusOK, grants: true,
			fields: append(required("token"), field{name: "deviceToken", optional: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.SignInMailLink(ctx, login.MailSignInLinkInput{Token: c.args["token"], DeviceToken: c.args["deviceToken"], Client: c.client}))
			},
		},
		{
			name: login.OpRequestElevationMail, method: http.MethodPost, path: "/auth/elevate/mail", status: http.StatusAccepted,
			fields: []field{{name: "language", optional: true}},
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return mailedCodeOf(s.RequestElevationMail(ctx, c.identity, c.args["language"], c.client))
			},
		},
	}
}

type mailChallengeAnswer struct {
	Challenge string `json:"challenge"`
	ExpiresAt string `json:"expiresAt"`
}

func mailChallengeOf(c login.MailChallenge, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return mailChallengeAnswer{c.Challenge, stamp(c.ExpiresAt)}, nil
}

type mailedCodeAnswer struct {
	ExpiresAt string `json:"expiresAt"`
}

func mailedCodeOf(expires time.Time, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return mailedCodeAnswer{stamp(expires)}, nil
}
