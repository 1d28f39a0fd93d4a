package httpapi

import (
	"context"
	"net/http"
	"slices"
	"time"

	"hasura-login/app/login"
)

// operation is one use case with both of its faces: a REST route and a Hasura
// action. Both decode the same arguments and call the same code.
type operation struct {
	name     login.Operation
	method   string // of the REST route
	path     string
	status   int     // of the REST answer on success
	fields   []field // arguments; for REST those not in the path come from the body
	restOnly bool    // Hasura answers it from its own tables
	grants   bool    // it can open a session that the browser keeps in a cookie
	// ends reports whether a call ends the session that it came with.
	ends func(c call) bool
	run  func(ctx context.Context, s *login.Service, c call) (any, error)
}

func (op operation) caller() login.Caller { return login.PolicyOf(op.name).Caller }

// call is a decoded request.
type call struct {
	args     map[string]string
	identity login.Identity
	client   login.Client
	cookie   string // of the session; only REST has it
}

// endsIts is for operations that always end the session they were called with.
func endsIts(call) bool { return true }

// field is one argument; all of them are strings but flags and objects.
type field struct {
	name     string
	optional bool
	inPath   bool
	inQuery  bool // of a GET
	flag     bool // a boolean, held as "true" or "false"
	json     bool // an object, held as it came
}

func required(names ...string) []field {
	fields := make([]field, len(names))
	for i, name := range names {
		fields[i].name = name
	}
	return fields
}

// ownPassword is the caller's password; it is empty for an account without one.
func ownPassword() []field { return []field{{name: "password", optional: true}} }

func operations() []operation {
	return slices.Concat(passwordOperations(), secondFactorOperations(), passkeyOperations(), appOperations(), mailOperations(), identityOperations(), organizationOperations())
}

// appOperations are those by which an app gets its user from the hosted pages.
func appOperations() []operation {
	return []operation{
		{
			name: login.OpExchange, method: http.MethodPost, path: "/auth/exchange", status: http.StatusOK, grants: true,
			fields: required("code", "codeVerifier"),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.Exchange(ctx, login.ExchangeInput{Code: c.args["code"], CodeVerifier: c.args["codeVerifier"], Client: c.client}))
			},
		},
	}
}

// passwordOperations are those of an account whose only credential is its password.
func passwordOperations() []operation {
	return []operation{
		{
			name: login.OpSignUp, method: http.MethodPost, path: "/auth/signup", status: http.StatusCreated, grants: true,
			fields: append(required("email", "name", "password"), field{name: "language", optional: true}, field{name: "invitation", optional: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.SignUp(ctx, login.SignUpInput{Email: c.args["email"], Name: c.args["name"], Password: c.args["password"], Language: c.args["language"], Invitation: c.args["invitation"], Client: c.client}))
			},
		},
		{
			name: login.OpSignIn, method: http.MethodPost, path: "/auth/signin", status: http.StatusOK, grants: true,
			fields: append(required("email", "password"), field{name: "deviceToken", optional: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.SignIn(ctx, login.SignInInput{Email: c.args["email"], Password: c.args["password"], DeviceToken: c.args["deviceToken"], Client: c.client}))
			},
		},
		{
			name: login.OpRefresh, method: http.MethodPost, path: "/auth/refresh", status: http.StatusOK,
			fields: required("refreshToken"),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.Refresh(ctx, login.RefreshInput{RefreshToken: c.args["refreshToken"], Client: c.client}))
			},
		},
		{
			name: login.OpSignOut, method: http.MethodPost, path: "/auth/signout", status: http.StatusNoContent,
			fields: []field{{name: "refreshToken", optional: true}}, ends: endsIts,
			run: func(ctx context.Context, s *login.Service, c call) (any, error) { return nil, signOut(ctx, s, c) },
		},
		{
			name: login.OpSignOutAll, method: http.MethodPost, path: "/auth/signout-all", status: http.StatusNoContent, ends: endsIts,
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.SignOutAll(ctx, c.identity, c.client)
			},
		},
		{
			name: login.OpChangePassword, method: http.MethodPost, path: "/auth/password", status: http.StatusOK, grants: true,
			fields: append(required("newPassword"), field{name: "currentPassword", optional: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.ChangePassword(ctx, c.identity, login.ChangePasswordInput{CurrentPassword: c.args["currentPassword"], NewPassword: c.args["newPassword"], Client: c.client}))
			},
		},
		{
			name: login.OpSessions, method: http.MethodGet, path: "/auth/sessions", status: http.StatusOK,
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return sessionsOf(s.Sessions(ctx, c.identity))(c.identity.SessionID)
			},
		},
		{
			name: login.OpEndSession, method: http.MethodDelete, path: "/auth/sessions/:id", status: http.StatusNoContent,
			fields: []field{{name: "id", inPath: true}},
			ends:   func(c call) bool { return c.args["id"] == c.identity.SessionID },
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.EndSession(ctx, c.identity, c.args["id"], c.client)
			},
		},
		{
			name: login.OpMe, method: http.MethodGet, path: "/auth/me", status: http.StatusOK, restOnly: true,
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return profileOf(s.Me(ctx, c.identity))
			},
		},
		{
			name: login.OpChangeName, method: http.MethodPatch, path: "/auth/me", status: http.StatusNoContent,
			fields: required("name"),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.ChangeName(ctx, c.identity, c.args["name"], c.client)
			},
		},
		{
			name: login.OpDeleteAccount, method: http.MethodDelete, path: "/auth/me", status: http.StatusNoContent,
			fields: ownPassword(), ends: endsIts,
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.DeleteAccount(ctx, c.identity, c.args["password"], c.client)
			},
		},
		{
			name: login.OpRequestPasswordReset, method: http.MethodPost, path: "/auth/password/forgot", status: http.StatusAccepted,
			fields: append(required("email"), field{name: "language", optional: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.RequestPasswordReset(ctx, login.RequestPasswordResetInput{Email: c.args["email"], Language: c.args["language"], Client: c.client})
			},
		},
		{
			name: login.OpResetPassword, method: http.MethodPost, path: "/auth/password/reset", status: http.StatusOK, grants: true,
			fields: required("token", "newPassword"),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.ResetPassword(ctx, login.ResetPasswordInput{Token: c.args["token"], NewPassword: c.args["newPassword"], Client: c.client}))
			},
		},
		{
			name: login.OpRequestEmailVerification, method: http.MethodPost, path: "/auth/email/verification", status: http.StatusAccepted,
			fields: append(required("email"), field{name: "language", optional: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.RequestEmailVerification(ctx, login.RequestEmailVerificationInput{Email: c.args["email"], Language: c.args["language"], Client: c.client})
			},
		},
		{
			name: login.OpVerifyEmail, method: http.MethodPost, path: "/auth/email/verify", status: http.StatusNoContent,
			fields: append(required("token"), field{name: "password", optional: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.VerifyEmail(ctx, login.VerifyEmailInput{Token: c.args["token"], Password: c.args["password"], Identity: c.identity, Client: c.client})
			},
		},
		{
			name: login.OpRequestEmailChange, method: http.MethodPost, path: "/auth/email/change", status: http.StatusAccepted,
			fields: append(ownPassword(), field{name: "newEmail"}, field{name: "language", optional: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.RequestEmailChange(ctx, c.identity, login.RequestEmailChangeInput{NewEmail: c.args["newEmail"], Password: c.args["password"], Language: c.args["language"], Client: c.client})
			},
		},
	}
}

// secondFactorOperations are those about the second factors of an account.
func secondFactorOperations() []operation {
	proof := func(c call) login.Proof {
		return login.Proof{Method: login.Method(c.args["method"]), Password: c.args["password"], Code: c.args["code"], Answer: []byte(c.args["credential"])}
	}
	return []operation{
		{
			name: login.OpSignInSecondFactor, method: http.MethodPost, path: "/auth/signin/second-factor", status: http.StatusOK, grants: true,
			fields: append(required("challenge", "method"), field{name: "code", optional: true}, credential(true), field{name: "rememberDevice", optional: true, flag: true}),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return grantOf(s.SignInSecondFactor(ctx, login.SignInSecondFactorInput{Challenge: c.args["challenge"], Proof: proof(c), Remember: c.args["rememberDevice"] == "true", Client: c.client}))
			},
		},
		{
			name: login.OpTOTPEnrolment, method: http.MethodPost, path: "/auth/totp/enrolment", status: http.StatusOK,
			fields: ownPassword(),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return enrolmentOf(s.EnrolTOTP(ctx, c.identity, c.args["password"], c.client))
			},
		},
		{
			name: login.OpAddTOTP, method: http.MethodPost, path: "/auth/totp", status: http.StatusNoContent,
			fields: required("enrolment", "code"),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.AddTOTP(ctx, c.identity, login.AddTOTPInput{Enrolment: c.args["enrolment"], Code: c.args["code"], Client: c.client})
			},
		},
		{
			name: login.OpRemoveTOTP, method: http.MethodDelete, path: "/auth/totp", status: http.StatusNoContent,
			fields: ownPassword(),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.RemoveTOTP(ctx, c.identity, c.args["password"], c.client)
			},
		},
		{
			name: login.OpNewRecoveryCodes, method: http.MethodPost, path: "/auth/recovery-codes", status: http.StatusOK,
			fields: ownPassword(),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return recoveryCodesOf(s.NewRecoveryCodes(ctx, c.identity, c.args["password"], c.client))
			},
		},
		{
			name: login.OpElevate, method: http.MethodPost, path: "/auth/elevate", status: http.StatusOK,
			fields: append(required("method"), field{name: "password", optional: true}, field{name: "code", optional: true}, credential(true)),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return elevatedOf(s.Elevate(ctx, c.identity, login.ElevateInput{Proof: proof(c), Client: c.client}))
			},
		},
	}
}

// identityOperations are those about accounts at other providers. Signing in and
// linking go through the browser and the hosted pages.
func identityOperations() []operation {
	return []operation{
		{
			name: login.OpProviders, method: http.MethodGet, path: "/auth/providers", status: http.StatusOK, restOnly: true,
			run: func(_ context.Context, s *login.Service, _ call) (any, error) { return providersOf(s.Providers), nil },
		},
		{
			name: login.OpIdentities, method: http.MethodGet, path: "/auth/identities", status: http.StatusOK,
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return identitiesOf(s.ListIdentities(ctx, c.identity))
			},
		},
		{
			name: login.OpUnlinkIdentity, method: http.MethodDelete, path: "/auth/identities/:id", status: http.StatusNoContent,
			fields: []field{{name: "id", inPath: true}},
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.UnlinkIdentity(ctx, c.identity, c.args["id"], c.client)
			},
		},
	}
}

type enrolmentAnswer struct {
	Secret    string `json:"secret"`
	URI       string `json:"uri"`
	Enrolment string `json:"enrolment"`
}

func enrolmentOf(e login.TOTPEnrolment, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return enrolmentAnswer(e), nil
}

type recoveryCodesAnswer struct {
	Codes []string `json:"codes"`
}

func recoveryCodesOf(codes []string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return recoveryCodesAnswer{codes}, nil
}

type elevatedAnswer struct {
	Token          string `json:"token"`
	TokenExpiresAt string `json:"tokenExpiresAt"`
}

func elevatedOf(e login.Elevated, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return elevatedAnswer{e.Token, stamp(e.TokenExpiresAt)}, nil
}

// grantAnswer is the GraphQL type AuthPayload and the REST grant.
type grantAnswer struct {
	ID                    string  `json:"id"`
	Token                 string  `json:"token"`
	TokenExpiresAt        string  `json:"tokenExpiresAt"`
	RefreshToken          string  `json:"refreshToken"`
	RefreshTokenExpiresAt string  `json:"refreshTokenExpiresAt"`
	DeviceToken           *string `json:"deviceToken"`
	RolesWithheld         bool    `json:"rolesWithheld"`
	// sessionExpires is for a cookie.
	sessionExpires time.Time
}

func grantOf(g login.Grant, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	a := grantAnswer{
		ID: g.UserID, Token: g.Token, TokenExpiresAt: stamp(g.TokenExpiresAt),
		RefreshToken: g.RefreshToken, RefreshTokenExpiresAt: stamp(g.RefreshTokenExpiresAt),
		RolesWithheld: g.RolesWithheld, sessionExpires: g.SessionExpiresAt,
	}
	if g.DeviceToken != "" {
		a.DeviceToken = &g.DeviceToken
	}
	return a, nil
}

type sessionAnswer struct {
	ID         string `json:"id"`
	CreatedAt  string `json:"createdAt"`
	LastUsedAt string `json:"lastUsedAt"`
	Client     string `json:"client"`
	Current    bool   `json:"current"`
	// AMR says how its owner has proved who they are; none: an operator opened it.
	AMR []string `json:"amr"`
}

func sessionsOf(sessions []login.Session, err error) func(current string) (any, error) {
	return func(current string) (any, error) {
		if err != nil {
			return nil, err
		}
		answers := make([]sessionAnswer, 0, len(sessions))
		for _, s := range sessions {
			answers = append(answers, sessionAnswer{
				ID: s.ID, CreatedAt: stamp(s.CreatedAt), LastUsedAt: stamp(s.LastUsedAt),
				Client: s.ClientName, Current: s.ID == current, AMR: append([]string{}, s.AMR...),
			})
		}
		return answers, nil
	}
}

type profileAnswer struct {
	ID            string   `json:"id"`
	Email         string   `json:"email"`
	EmailVerified bool     `json:"emailVerified"`
	Name          string   `json:"name"`
	Roles         []string `json:"roles"`
	CreatedAt     string   `json:"createdAt"`
}

func profileOf(ua login.UserAccount, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return profileAnswer{
		ID: ua.User.ID, Email: ua.User.Email, EmailVerified: !ua.Account.EmailVerifiedAt.IsZero(),
		Name: ua.User.Name, Roles: ua.Account.Roles, CreatedAt: stamp(ua.User.CreatedAt),
	}, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
