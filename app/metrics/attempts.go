package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"hasura-login/app/login"
)

// always are the results that any use case can have.
var always = []string{
	ResultOK, other,
	string(login.CodeInvalidInput), string(login.CodeRateLimited),
	string(login.CodeUnavailable), string(login.CodeInternal),
}

// results are the further ones of each use case. A result that is missing here
// counts as "other"; the full product of operations and codes would be twice
// the lines, most of them zero for ever.
var results = map[login.Operation][]login.Code{
	login.OpSignUp: {login.CodeOverloaded, login.CodeSignupDisabled, login.CodeEmailNotVerified, login.CodeEmailTaken},
	login.OpSignIn: {login.CodeOverloaded, login.CodeInvalidCredentials, login.CodeAccountDisabled, login.CodeEmailNotVerified, login.CodeSecondFactorRequired},
	login.OpRefresh: {
		login.CodeInvalidRefreshToken, login.CodeAccountDisabled,
	},
	login.OpSignOut:    {login.CodeInvalidRefreshToken},
	login.OpSignOutAll: {login.CodeUnauthenticated, login.CodeForbidden},
	login.OpChangePassword: {
		login.CodeOverloaded, login.CodeUnauthenticated, login.CodeForbidden, login.CodeInvalidCredentials, login.CodeAccountDisabled, login.CodeElevationRequired,
	},
	login.OpSessions:   {login.CodeUnauthenticated, login.CodeForbidden},
	login.OpEndSession: {login.CodeUnauthenticated, login.CodeForbidden, login.CodeNotFound},
	login.OpDeleteAccount: {
		login.CodeOverloaded, login.CodeUnauthenticated, login.CodeForbidden, login.CodeInvalidCredentials, login.CodeAccountDisabled, login.CodeElevationRequired,
	},
	login.OpMe:                   {login.CodeUnauthenticated, login.CodeForbidden},
	login.OpRequestPasswordReset: {login.CodeMailDisabled},
	login.OpResetPassword:        {login.CodeOverloaded, login.CodeInvalidToken, login.CodeSecondFactorRequired},

	login.OpRequestEmailVerification: {login.CodeMailDisabled},
	login.OpRequestEmailChange: {
		login.CodeOverloaded, login.CodeUnauthenticated, login.CodeForbidden, login.CodeInvalidCredentials, login.CodeMailDisabled, login.CodeElevationRequired,
	},
	login.OpVerifyEmail: {login.CodeInvalidToken, login.CodeEmailTaken},

	login.OpSignInSecondFactor: {login.CodeInvalidCode, login.CodeInvalidToken, login.CodeInvalidCredentials},
	login.OpTOTPEnrolment: {
		login.CodeOverloaded, login.CodeUnauthenticated, login.CodeForbidden, login.CodeInvalidCredentials, login.CodeCredentialExists,
	},
	login.OpAddTOTP: {login.CodeUnauthenticated, login.CodeForbidden, login.CodeInvalidCode, login.CodeInvalidToken, login.CodeCredentialExists},
	login.OpRemoveTOTP: {
		login.CodeOverloaded, login.CodeUnauthenticated, login.CodeForbidden, login.CodeInvalidCredentials, login.CodeElevationRequired, login.CodeNotFound,
	},
	login.OpNewRecoveryCodes: {
		login.CodeOverloaded, login.CodeUnauthenticated, login.CodeForbidden, login.CodeInvalidCredentials, login.CodeElevationRequired, login.CodeNotFound,
	},
	login.OpElevate: {login.CodeOverloaded, login.CodeUnauthenticated, login.CodeForbidden, login.CodeInvalidCredentials, login.CodeInvalidCode},
}

func newAttempts(r *prometheus.Registry) pairs {
	vec := prometheus.NewCounterVec(attemptsOpts, []string{"operation", "result"})
	r.MustRegister(vec)
	p := pairs{{other, other}: vec.WithLabelValues(other, other)}
	for _, op := range login.Operations() {
		for _, result := range always {
			p[pair{string(op), result}] = vec.WithLabelValues(string(op), result)
		}
		for _, code := range results[op] {
			p[pair{string(op), string(code)}] = vec.WithLabelValues(string(op), string(code))
		}
		if slices.Contains(results[op], login.CodeOverloaded) { // it waits for a hash; callers leave while they wait
			p[pair{string(op), ResultCallerGone}] = vec.WithLabelValues(string(op), ResultCallerGone)
		}
	}
	return p
}
