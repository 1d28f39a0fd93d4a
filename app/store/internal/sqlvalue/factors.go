package sqlvalue

import "hasura-login/app/login"

// Factors lists an account's second factors from the columns of a row.
type Factors struct{ Passkeys, TOTP, RecoveryCodes bool }

// Methods lists them as the domain does. Recovery codes stand in for another
// factor and are none by themselves.
func (f Factors) Methods() []login.Method {
	var methods []login.Method
	if f.Passkeys {
		methods = append(methods, login.MethodPasskey)
	}
	if f.TOTP {
		methods = append(methods, login.MethodTOTP)
	}
	if f.RecoveryCodes && len(methods) > 0 {
		methods = append(methods, login.MethodRecoveryCode)
	}
	return methods
}
