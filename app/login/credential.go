package login

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Method names a kind of proof of who somebody is, as clients write it.
type Method string

// The methods.
const (
	MethodPassword     Method = "password"
	MethodPasskey      Method = "passkey"
	MethodTOTP         Method = "totp"          // a code of an authenticator app (RFC 6238)
	MethodRecoveryCode Method = "recovery-code" // one of ten, for users who lost the app
	MethodProvider     Method = "provider"      // an account at another site
	MethodMail         Method = "mail-code"     // a code or a link that was mailed to the account's address
)

// What RFC 8176 calls the proofs.
const (
	amrPassword    = "pwd"
	amrCode        = "otp"
	amrProvider    = "fed" // RFC 8176 has no word for it
	amrHardwareKey = "hwk" // a key that stays in its authenticator
	amrSoftwareKey = "swk" // a key that is backed up to others
	amrUser        = "user"
	amrMultiple    = "mfa" // more than one factor
)

// Proof is what somebody shows to prove who they are, by one method.
type Proof struct {
	Method   Method
	Password string // of MethodPassword
	Answer   []byte // of MethodPasskey: AuthenticationResponseJSON
	Code     string // of the other methods
	session  string // of MethodMail: the session that the code was mailed for
	// asked finds the request that a passkey answers.
	asked func(challenge []byte) (passkeyRequest, error)
}

// check refuses a proof by a method that is not allowed, and an empty one.
func (p Proof) check(allowed []Method) error {
	if !slices.Contains(allowed, p.Method) {
		return Invalid("method", "must be one of %s", methodList(allowed))
	}
	switch {
	case p.Method == MethodPassword && p.Password == "":
		return Invalid("password", "must not be empty")
	case p.Method == MethodPasskey && len(p.Answer) == 0:
		return Invalid("credential", "must not be empty")
	case p.Method != MethodPassword && p.Method != MethodPasskey && p.Code == "":
		return Invalid("code", "must not be empty")
	}
	return nil
}

func methodList(methods []Method) string {
	names := make([]string, len(methods))
	for i, m := range methods {
		names[i] = string(m)
	}
	return strings.Join(names, ", ")
}

// has reports whether the account has a factor.
func (a Account) has(m Method) bool { return slices.Contains(a.Factors, m) }

// answerable are the account's second factors that this service takes.
func (s *Service) answerable(a Account) []Method {
	return slices.DeleteFunc(slices.Clone(a.Factors), func(m Method) bool { return m == MethodPasskey && s.Passkeys == nil })
}

// prover checks a proof of an account, and spends it if it works only once. It returns
// the names that RFC 8176 has for the proof, or none for a wrong proof. Each kind of
// credential has a prover: a new kind needs a method, a prover and a case of
// Service.prover.
type prover func(ctx context.Context, a Attempt, ua UserAccount, p Proof) (amr []string, err error)

func (s *Service) prover(m Method) prover {
	switch m {
	case MethodPasskey:
		return s.provePasskey
	case MethodTOTP:
		return s.proveTOTP
	case MethodRecoveryCode:
		return s.proveRecoveryCode
	case MethodMail:
		return s.proveMail
	case MethodPassword:
		return s.provePassword
	}
	return func(context.Context, Attempt, UserAccount, Proof) ([]string, error) {
		return nil, fmt.Errorf("nothing proves the method %q", m)
	}
}

// prove counts an attempt, checks a proof of the account and settles the attempt. It
// returns the names that RFC 8176 has for the proof. It refuses and audits a wrong proof,
// and counts it as a guess.
func (s *Service) prove(ctx context.Context, a Attempt, ua UserAccount, p Proof, wrong *Error) ([]string, error) {
	reservation, err := s.reserve(ctx, a)
	if err != nil {
		return nil, err
	}
	amr, err := s.prover(p.Method)(ctx, a, ua, p)
	switch {
	case err != nil:
		reservation.Released(ctx)
		return nil, err
	case len(amr) == 0:
		reservation.Failed(ctx)
		return nil, s.refused(ctx, a.Operation, ua.User.ID, a.Client, wrong)
	}
	reservation.Succeeded(ctx)
	return amr, nil
}

// proved is the result of a prover whose proofs all have the same name.
func proved(ok bool, err error, amr string) ([]string, error) {
	if err != nil || !ok {
		return nil, err
	}
	return []string{amr}, nil
}

func (s *Service) provePassword(ctx context.Context, a Attempt, ua UserAccount, p Proof) ([]string, error) {
	ok, _, err := s.Hasher.Verify(ctx, HashRequest{Operation: a.Operation, Addr: a.Client.Addr}, ua.Account.Password, p.Password)
	return proved(ok, err, amrPassword)
}

// withProof adds a proof by one method, in the words of RFC 8176, to those that a
// session's owner has given. Only a second factor on top of a first makes several of
// them: a password and a mailed code do not, for the mailbox can set another password.
func withProof(amr []string, m Method, words ...string) []string {
	if len(amr) > 0 && slices.Contains(secondFactors(), m) {
		words = append(slices.Clone(words), amrMultiple)
	}
	amr = slices.Clone(amr)
	for _, word := range words {
		if !slices.Contains(amr, word) {
			amr = append(amr, word)
		}
	}
	return amr
}

// wrong is the error for a proof that does not hold.
func wrong(m Method) *Error {
	switch m {
	case MethodPassword:
		return Errorf(CodeInvalidCredentials, "Current password wrong")
	case MethodPasskey:
		return errWrongPasskey(nil)
	}
	return Errorf(CodeInvalidCode, "This code is wrong or was used already")
}
