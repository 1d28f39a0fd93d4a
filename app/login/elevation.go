package login

import (
	"context"
	"errors"
	"slices"
	"time"
)

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
	if ua.Account.Password == "" || password == "" && session.hasPasskey() && s.elevated(session, ua.Account) {
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
	return len(a.Factors) == 0 && a.Password != "" || s.provedLately(session, a)
}

// provedLately reports whether the session's owner has proved within ElevationTTL who
// they are: by an elevation or, for an account without a second factor, by the sign-in.
func (s *Service) provedLately(session Session, a Account) bool {
	signedIn := len(session.AMR) > 0 && len(a.Factors) == 0 && s.Now().Sub(session.signedInAt()) < s.rules.ElevationTTL
	return signedIn || s.elevated(session, a)
}

// elevationMethods are the methods by which the account's owner can elevate a session:
// the second factors or, without any, the password and a mailed code.
func (s *Service) elevationMethods(ua UserAccount) []Method {
	if len(ua.Account.Factors) > 0 {
		return s.answerable(ua.Account)
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

// elevated reports whether the session's owner has elevated it within ElevationTTL. Once
// the account has a second factor, an elevation without one does not count.
func (s *Service) elevated(session Session, a Account) bool {
	lately := !session.ElevatedAt.IsZero() && s.Now().Sub(session.ElevatedAt) < s.rules.ElevationTTL
	return lately && (len(a.Factors) == 0 || slices.Contains(session.AMR, amrMultiple))
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
	token, expires, err := s.accessToken(ctx, ua, session)
	return Elevated{Token: token, TokenExpiresAt: expires}, err
}

func errElevationRequired(methods []Method) *Error {
	e := Errorf(CodeElevationRequired, "Prove who you are again: call elevate, then try again")
	if len(methods) == 0 {
		e.Message = "Sign in again to prove who you are, then try again"
	}
	e.Methods = methods
	return e
}
