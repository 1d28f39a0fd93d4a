package login

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"
)

// SignInPasskeyOptions begins a sign-in of a person who has not said who they are: the
// options are for navigator.credentials.get, whose answer SignInPasskey takes within
// ChallengeLife. Nothing is stored.
func (s *Service) SignInPasskeyOptions(context.Context) (json.RawMessage, error) {
	ceremonies, err := s.passkeys()
	if err != nil {
		return nil, err
	}
	challenge, err := ceremonies.NewChallenge(s.Now())
	if err != nil {
		return nil, err
	}
	return ceremonies.RequestOptions(challenge, nil)
}

// SignInPasskeyInput is what an authenticator answered to SignInPasskeyOptions.
type SignInPasskeyInput struct {
	Answer      []byte // AuthenticationResponseJSON
	DeviceToken string // optional; from an earlier grant on this device
	Client      Client
}

// SignInPasskey opens a session for the owner of a discoverable passkey. It costs no
// hash. A passkey counts as two factors: the device that the owner has, and the PIN or
// fingerprint by which that device verified them.
func (s *Service) SignInPasskey(ctx context.Context, in SignInPasskeyInput) (Grant, error) {
	const op = OpSignInPasskey
	ceremonies, err := s.passkeys()
	if err != nil {
		return Grant{}, err
	}
	used, err := readPasskey(in.Answer, ceremonies.Used)
	if err != nil {
		return Grant{}, err
	}
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: in.Client})
	if err != nil {
		return Grant{}, err
	}
	expires, ok := ceremonies.ChallengeExpires(used.Challenge, s.Now())
	if !ok {
		reservation.Failed(ctx)
		return Grant{}, s.refused(ctx, op, "", in.Client, errPasskeyRefused(ErrTokenUnknown))
	}
	p, use, ua, err := s.checkPasskey(ctx, used, passkeyRequest{challenge: used.Challenge, expires: expires})
	var g Grant
	if err == nil {
		g, err = s.openByPasskey(ctx, in, p, use, ua)
	}
	switch {
	case errors.Is(err, ErrTokenUnknown):
		reservation.Failed(ctx)
		return Grant{}, s.refused(ctx, op, ua.User.ID, in.Client, errPasskeyRefused(err))
	case errors.Is(err, ErrPasskeyRefused):
		reservation.Failed(ctx)
		return Grant{}, s.refused(ctx, op, ua.User.ID, in.Client, errWrongPasskey(err))
	case err != nil && !errors.As(err, new(*Error)):
		reservation.Released(ctx)
	default: // a right answer, even if the account may not enter
		reservation.Succeeded(ctx)
	}
	return g, err
}

// openByPasskey opens a session and notes the use of the passkey, both at once.
func (s *Service) openByPasskey(ctx context.Context, in SignInPasskeyInput, p Passkey, use PasskeyUse, ua UserAccount) (Grant, error) {
	const op = OpSignInPasskey
	if err := s.mayEnter(ctx, op, ua, in.Client); err != nil {
		return Grant{}, err
	}
	device := s.knownDevice(ua, ua.User.Email, in.DeviceToken)
	g, err := s.open(ctx, opening{
		op: op, userAccount: ua, client: in.Client, amr: p.amr(), passkey: &use, known: device != "",
		keepsToken: s.remembers(device, ua),
	})
	return g, s.passkeyUsed(ctx, op, ua, in.Client, err)
}

// passkeyRequest is what an authenticator was asked.
type passkeyRequest struct {
	challenge []byte
	expires   time.Time
	userID    string // the owner that the passkey must have; empty: any
}

// usePasskey checks an answer to the request and stores that the passkey was used.
// ErrPasskeyRefused if it proves nothing, ErrTokenUnknown if its challenge was signed
// before.
func (s *Service) usePasskey(ctx context.Context, op Operation, used UsedPasskey, r passkeyRequest, c Client) (Passkey, error) {
	p, use, ua, err := s.checkPasskey(ctx, used, r)
	if err != nil {
		return p, err
	}
	return p, s.passkeyUsed(ctx, op, ua, c, s.PasskeyStore.UsePasskey(ctx, use))
}

// checkPasskey checks an answer to the request, and returns the use of the passkey that
// a store has to note. ErrPasskeyRefused if the answer proves nothing.
func (s *Service) checkPasskey(ctx context.Context, used UsedPasskey, r passkeyRequest) (Passkey, PasskeyUse, UserAccount, error) {
	p, handle, ua, err := s.PasskeyStore.PasskeyOwner(ctx, used.CredentialID)
	if errors.Is(err, ErrNotFound) || err == nil && r.userID != "" && r.userID != ua.User.ID {
		return p, PasskeyUse{}, ua, ErrPasskeyRefused
	}
	if err != nil {
		return p, PasskeyUse{}, ua, err
	}
	use, err := used.Check(r.challenge, handle, p)
	use.ID, use.Challenge, use.Expires, use.Now = p.ID, sha256.Sum256(r.challenge), r.expires, s.Now().UTC()
	return p, use, ua, err
}

// passkeyUsed translates the error of a store that noted a use for the caller.
func (s *Service) passkeyUsed(ctx context.Context, op Operation, ua UserAccount, c Client, err error) error {
	switch {
	case errors.Is(err, ErrCounterRegressed):
		// The authenticator may have been cloned (WebAuthn, 7.2, step 22). The answer is
		// that of any refused passkey, so that the holder of the copy learns nothing.
		s.Audit.Record(ctx, Event{Name: EventPasskeyRegressed, Operation: op, UserID: ua.User.ID, ClientPrefix: c.Prefix(), Actor: ActorUser})
		return ErrPasskeyRefused
	case errors.Is(err, ErrNotFound): // removed meanwhile
		return ErrPasskeyRefused
	}
	return err
}

// provePasskey checks an answer to a challenge of the account.
func (s *Service) provePasskey(ctx context.Context, a Attempt, _ UserAccount, p Proof) ([]string, error) {
	ceremonies, err := s.passkeys()
	if err != nil {
		return nil, err
	}
	used, err := readPasskey(p.Answer, ceremonies.Used)
	if err != nil {
		return nil, err
	}
	asked, err := p.asked(used.Challenge)
	if err == nil {
		var passkey Passkey
		passkey, err = s.usePasskey(ctx, a.Operation, used, asked, a.Client)
		if err == nil {
			return passkey.amr(), nil
		}
	}
	if errors.Is(err, ErrPasskeyRefused) || errors.Is(err, ErrTokenUnknown) {
		return nil, nil
	}
	return nil, err
}

// requestOptions asks for one of the account's passkeys.
func (s *Service) requestOptions(ctx context.Context, ua UserAccount, challenge []byte) (json.RawMessage, error) {
	ceremonies, err := s.passkeys()
	if err != nil {
		return nil, err
	}
	allowed, err := s.PasskeyStore.Passkeys(ctx, ua.User.ID)
	if err != nil {
		return nil, err
	}
	return ceremonies.RequestOptions(challenge, allowed)
}

// ElevationOptions begins an elevation by passkey: the options are for
// navigator.credentials.get, whose answer Elevate takes within ChallengeLife.
func (s *Service) ElevationOptions(ctx context.Context, id Identity, c Client) (json.RawMessage, error) {
	const op = OpElevationOptions
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return nil, err
	}
	if !ua.Account.has(MethodPasskey) {
		return nil, errNoPasskey()
	}
	challenge, err := s.passkeyChallenge(ctx, op, ChallengeElevation, ua, c, []byte(session.ID))
	if err != nil {
		return nil, err
	}
	return s.requestOptions(ctx, ua, challenge)
}

// askedToElevate finds what this session was asked by ElevationOptions.
func (s *Service) askedToElevate(ctx context.Context, session Session, c Client) func([]byte) (passkeyRequest, error) {
	return func(challenge []byte) (passkeyRequest, error) {
		key := s.challengeKey(ChallengeElevation, challengeEncoding.EncodeToString(challenge), c)
		begun, err := s.ownChallenge(ctx, key, session)
		return passkeyRequest{challenge: challenge, expires: begun.ExpiresAt, userID: session.UserID}, err
	}
}

// askedToSignIn finds what the second half of a sign-in was asked, with the challenge
// that was presented.
func askedToSignIn(begun Challenge, presented string) func([]byte) (passkeyRequest, error) {
	return func(challenge []byte) (passkeyRequest, error) {
		if challengeEncoding.EncodeToString(challenge) != presented {
			return passkeyRequest{}, ErrPasskeyRefused
		}
		return passkeyRequest{challenge: challenge, expires: begun.ExpiresAt, userID: begun.UserID}, nil
	}
}

func errWrongPasskey(cause error) *Error {
	return Caused(CodeInvalidCredentials, cause, "This passkey is not known here, or its answer is not right")
}
