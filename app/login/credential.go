package login

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
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

// prover checks a proof of an account, and spends it if it works only once. It returns
// the names that RFC 8176 has for the proof, or none for a wrong proof. Each kind of
// credential has a prover: a new kind needs a method, a prover and a row in
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
	default:
		return s.provePassword
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

// confirm finds the caller's live session and proves its password, limited like a
// sign-in: a stolen access token must not become an oracle for passwords. An account
// with a second factor, or without a password, needs an elevated session; if a
// passkey elevated it, the password may be left out. check, if given, runs before
// anything is counted or hashed.
func (s *Service) confirm(ctx context.Context, op Operation, id Identity, password string, c Client, check func(UserAccount) error) (Session, UserAccount, error) {
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return session, ua, err
	}
	if check != nil {
		if err := check(ua); err != nil {
			return session, ua, err
		}
	}
	if !s.provedEnough(session, ua.Account) {
		return session, ua, s.refused(ctx, op, id.UserID, c, errElevationRequired(s.elevationMethods(ua)))
	}
	if ua.Account.Password == "" || password == "" && session.hasPasskey() && s.elevated(session) {
		return session, ua, nil
	}
	proof := Proof{Method: MethodPassword, Password: password}
	if err := proof.check([]Method{MethodPassword}); err != nil {
		return session, ua, err
	}
	// A live session is a known device: strangers who attack the account must
	// not keep its owner from changing the password, and a stolen access token
	// gets no more guesses than a stranger.
	attempt := Attempt{Operation: op, Client: c, Account: ua.User.Email, DeviceID: session.ID}
	_, err = s.prove(ctx, attempt, ua, proof, Errorf(CodeInvalidCredentials, "Current password wrong"))
	return session, ua, err
}

// provedEnough reports whether the session may change credentials, apart from the check
// of the password. For an account without a password, a recent sign-in counts as an
// elevation, because it used everything that the account has.
func (s *Service) provedEnough(session Session, a Account) bool {
	switch {
	case len(a.Factors) > 0: // an elevation from before the account had a factor is not enough
		return s.elevated(session) && slices.Contains(session.AMR, amrMultiple)
	case s.elevated(session):
		return true
	case a.Password != "":
		return true
	}
	return len(session.AMR) > 0 && s.Now().Sub(session.CreatedAt) < s.rules.ElevationTTL
}

// elevationMethods are the methods by which the account's owner can elevate a session:
// the second factors or, without any, the password and a mailed code.
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

// Elevated is the access token of a session that has just been elevated.
type Elevated struct {
	Token          string
	TokenExpiresAt time.Time
}

// Elevate marks the caller's session as one whose owner has just proved who they
// are: by a second factor or, if the account has none, by the password or a mailed code.
// The token's claim x-hasura-auth-elevated is for an application's own permissions.
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
	in.Proof.session, in.Proof.asked = session.ID, s.askedToElevate(ctx, session, in.Client)
	attempt := Attempt{Operation: OpElevate, Client: in.Client, Account: ua.User.Email, DeviceID: session.ID, Method: in.Proof.Method}
	amr, err := s.prove(ctx, attempt, ua, in.Proof, wrong(in.Proof.Method))
	if err != nil {
		return Elevated{}, err
	}
	now := s.Now().UTC()
	session.ElevatedAt = now
	if in.Proof.Method != MethodPasskey { // a passkey counts for later confirmations only if it elevated last
		session.AMR = slices.DeleteFunc(session.AMR, func(word string) bool { return word == amrHardwareKey || word == amrSoftwareKey })
	}
	session.AMR = withProof(session.AMR, in.Proof.Method, amr...)
	err = s.Credentials.Elevate(ctx, session.ID, session.AMR, now)
	if errors.Is(err, ErrNotFound) { // signed out since
		err = errUnauthenticated()
	}
	if err != nil {
		return Elevated{}, err
	}
	s.record(ctx, EventElevated, OpElevate, session, in.Client)
	s.tellOfRecoveryCode(ctx, OpElevate, in.Proof.Method, ua, in.Client)
	token, expires, err := s.Issuer.Issue(s.subject(ua, session), now)
	return Elevated{Token: token, TokenExpiresAt: expires}, err
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

func errElevationRequired(methods []Method) *Error {
	e := Errorf(CodeElevationRequired, "Prove who you are again: call elevate, then try again")
	if len(methods) == 0 {
		e.Message = "Prove who you are once more: sign in again, then try again"
	}
	e.Methods = methods
	return e
}
