package login

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Method names a kind of proof of who somebody is, as clients write it.
type Method string

// The methods.
const (
	MethodPassword     Method = "password"
	MethodTOTP         Method = "totp"          // a code of an authenticator app (RFC 6238)
	MethodRecoveryCode Method = "recovery-code" // one of ten, for users who lost the app
	MethodProvider     Method = "provider"      // an account at another site
	MethodMail         Method = "mail-code"     // a code or a link that was mailed to the account's address
)

// amr is what RFC 8176 calls the method.
func (m Method) amr() string {
	switch m {
	case MethodPassword:
		return "pwd"
	case MethodProvider:
		return "fed" // RFC 8176 has no word for it
	}
	return "otp"
}

// amrMultiple marks a session that was opened with more than one factor.
const amrMultiple = "mfa"

// Proof is what somebody shows to prove who they are, by one method.
type Proof struct {
	Method   Method
	Password string // of MethodPassword
	Code     string // of the other methods
	session  string // that MethodMail elevates
}

// check refuses a proof of which nothing could be checked.
func (p Proof) check(allowed []Method) error {
	if !slices.Contains(allowed, p.Method) {
		return Invalid("method", "must be one of %s", methodList(allowed))
	}
	if p.Method == MethodPassword && p.Password == "" {
		return Invalid("password", "must not be empty")
	}
	if p.Method != MethodPassword && p.Code == "" {
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

// prover checks a proof of an account. It spends what works only once, and returns
// false for a wrong proof. Each kind of credential has one: a new kind needs a method,
// a prover and a row here.
type prover func(ctx context.Context, a Attempt, ua UserAccount, p Proof) (bool, error)

func (s *Service) prover(m Method) prover {
	switch m {
	case MethodTOTP:
		return s.proveTOTP
	case MethodRecoveryCode:
		return s.proveRecoveryCode
	case MethodMail:
		return s.proveMail
	default:
		return s.provePassword
	}
}

// prove counts an attempt, checks a proof of the account and settles the attempt.
// A wrong proof is refused, audited and weighs as a guess.
func (s *Service) prove(ctx context.Context, a Attempt, ua UserAccount, p Proof, wrong *Error) error {
	reservation, err := s.reserve(ctx, a)
	if err != nil {
		return err
	}
	ok, err := s.prover(p.Method)(ctx, a, ua, p)
	switch {
	case err != nil:
		reservation.Released(ctx)
		return err
	case !ok:
		reservation.Failed(ctx)
		return s.refused(ctx, a.Operation, ua.User.ID, a.Client, wrong)
	}
	reservation.Succeeded(ctx)
	return nil
}

func (s *Service) provePassword(ctx context.Context, a Attempt, ua UserAccount, p Proof) (bool, error) {
	ok, _, err := s.Hasher.Verify(ctx, HashRequest{Operation: a.Operation, Addr: a.Client.Addr}, ua.Account.Password, p.Password)
	return ok, err
}

// confirm finds the caller's live session and proves its password, limited like a
// sign-in: a stolen access token must not become an oracle for passwords. An account
// with a second factor, or without a password, needs an elevated session. check, if
// given, runs before anything is counted or hashed.
func (s *Service) confirm(ctx context.Context, op Operation, id Identity, password string, c Client, check func(UserAccount) error) (Session, UserAccount, error) {
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return session, ua, err
	}
	proof := Proof{Method: MethodPassword, Password: password}
	if ua.Account.Password != "" {
		if err := proof.check([]Method{MethodPassword}); err != nil {
			return session, ua, err
		}
	}
	if check != nil {
		if err := check(ua); err != nil {
			return session, ua, err
		}
	}
	if !s.provedEnough(session, ua.Account) {
		return session, ua, s.refused(ctx, op, id.UserID, c, errElevationRequired(s.elevationMethods(ua)))
	}
	if ua.Account.Password == "" {
		return session, ua, nil
	}
	// A live session is a known device: strangers who attack the account must
	// not keep its owner from changing the password, and a stolen access token
	// gets no more guesses than a stranger.
	attempt := Attempt{Operation: op, Client: c, Account: ua.User.Email, DeviceID: session.ID}
	return session, ua, s.prove(ctx, attempt, ua, proof,
		Errorf(CodeInvalidCredentials, "Current password wrong"))
}

// provedEnough reports whether the session may change credentials, apart from the check
// of the password. For an account without a password, a recent sign-in counts as an
// elevation, because it used everything that the account has.
func (s *Service) provedEnough(session Session, a Account) bool {
	switch {
	case s.elevated(session):
		return true
	case len(a.Factors) > 0:
		return false
	case a.Password != "":
		return true
	}
	return len(session.AMR) > 0 && s.Now().Sub(session.CreatedAt) < s.rules.ElevationTTL
}

// elevationMethods are those with which the account's owner can elevate a session:
// the second factors, or else what signs in.
func (s *Service) elevationMethods(ua UserAccount) []Method {
	if len(ua.Account.Factors) > 0 {
		return ua.Account.Factors
	}
	var methods []Method
	if ua.Account.Password != "" {
		methods = append(methods, MethodPassword)
	}
	if s.rules.MailEnabled && !ua.Account.EmailVerifiedAt.IsZero() {
		methods = append(methods, MethodMail)
	}
	return methods
}

// elevated reports whether the session's owner has elevated it within ElevationTTL.
func (s *Service) elevated(session Session) bool {
	return !session.ElevatedAt.IsZero() && s.Now().Sub(session.ElevatedAt) < s.rules.ElevationTTL
}

// ElevateInput proves again who the caller is.
type ElevateInput struct {
	Proof  Proof
	Client Client
}

// Elevated is an access token that says so.
type Elevated struct {
	Token          string
	TokenExpiresAt time.Time
}

// Elevate marks the caller's session as one whose owner has just proved who they
// are: by the password or, where the account has a second factor, by that. The
// token's claim x-hasura-auth-elevated is for an application's own permissions.
func (s *Service) Elevate(ctx context.Context, id Identity, in ElevateInput) (Elevated, error) {
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return Elevated{}, err
	}
	allowed := s.elevationMethods(ua)
	if len(allowed) == 0 {
		return Elevated{}, s.refused(ctx, OpElevate, id.UserID, in.Client, errElevationRequired(nil))
	}
	if err := in.Proof.check(allowed); err != nil {
		return Elevated{}, err
	}
	in.Proof.session = session.ID
	attempt := Attempt{Operation: OpElevate, Client: in.Client, Account: ua.User.Email, DeviceID: session.ID, Method: in.Proof.Method}
	if err := s.prove(ctx, attempt, ua, in.Proof, wrong(in.Proof.Method)); err != nil {
		return Elevated{}, err
	}
	now := s.Now().UTC()
	session.ElevatedAt = now
	session.AMR = withMethod(session.AMR, in.Proof.Method)
	if err := s.Credentials.Elevate(ctx, session.ID, session.AMR, now); err != nil {
		return Elevated{}, err
	}
	s.record(ctx, EventElevated, OpElevate, session, in.Client)
	s.tellOfRecoveryCode(ctx, OpElevate, in.Proof.Method, ua, in.Client)
	token, expires, err := s.Issuer.Issue(s.subject(ua, session), now)
	return Elevated{Token: token, TokenExpiresAt: expires}, err
}

// withMethod adds a method to those that a session's owner has proved. Only a second
// factor on top of a first makes several of them: a password and a mailed code do
// not, for the mailbox can set another password.
func withMethod(amr []string, m Method) []string {
	second := len(amr) > 0 && slices.Contains(secondFactors(), m)
	amr = slices.Clone(amr)
	for _, add := range []string{m.amr(), amrMultiple} {
		if (add != amrMultiple || second) && !slices.Contains(amr, add) {
			amr = append(amr, add)
		}
	}
	return amr
}

// wrong is the error for a proof that does not hold.
func wrong(m Method) *Error {
	if m == MethodPassword {
		return Errorf(CodeInvalidCredentials, "Current password wrong")
	}
	return Errorf(CodeInvalidCode, "This code is wrong or was used already")
}

func errElevationRequired(methods []Method) *Error {
	e := Errorf(CodeElevationRequired, "Prove who you are once more: call elevate, then try again")
	if len(methods) == 0 {
		e.Message = "Prove who you are once more: sign in again, then try again"
	}
	e.Methods = methods
	return e
}
