package login

import (
	"context"
	"encoding/json"
	"errors"
	"io"
)

// CreatedPasskey is an authenticator's answer to a creation.
type CreatedPasskey struct {
	Challenge []byte
	// Check returns the passkey; ErrPasskeyRefused if the answer is not to this
	// challenge, from our origins, for our RP id, or verified no user.
	Check func(challenge, handle []byte) (Passkey, error)
}

// PasskeyOptions begins to add a passkey: the options are for
// navigator.credentials.create, whose answer AddPasskey takes within ChallengeLife.
func (s *Service) PasskeyOptions(ctx context.Context, id Identity, password string, c Client) (json.RawMessage, error) {
	const op = OpPasskeyOptions
	ceremonies, err := s.passkeys()
	if err != nil {
		return nil, err
	}
	session, ua, err := s.confirm(ctx, op, id, password, c, nil)
	if err != nil {
		return nil, err
	}
	known, err := s.PasskeyStore.Passkeys(ctx, id.UserID)
	if err != nil {
		return nil, err
	}
	if len(known) >= MaxPasskeys {
		return nil, errTooManyPasskeys()
	}
	var fresh [userHandleBytes]byte
	if _, err := io.ReadFull(s.Random, fresh[:]); err != nil {
		return nil, err
	}
	handle, err := s.PasskeyStore.UserHandle(ctx, id.UserID, fresh[:])
	if errors.Is(err, ErrNotFound) {
		return nil, s.refused(ctx, op, id.UserID, c, errUnauthenticated())
	}
	if err != nil {
		return nil, err
	}
	challenge, err := s.passkeyChallenge(ctx, op, ChallengePasskey, ua, c, []byte(session.ID))
	if err != nil {
		return nil, err
	}
	return ceremonies.CreationOptions(challenge, handle, ua.User, known)
}

// passkeyChallenge stores a challenge of the account that an authenticator signs.
func (s *Service) passkeyChallenge(ctx context.Context, op Operation, p ChallengePurpose, ua UserAccount, c Client, data []byte) ([]byte, error) {
	presented, err := s.challenge(ctx, p, ua, c, data)
	if errors.Is(err, ErrStale) {
		return nil, s.refused(ctx, op, ua.User.ID, c, errUnauthenticated())
	}
	if err != nil {
		return nil, err
	}
	return challengeEncoding.DecodeString(presented)
}

// AddPasskeyInput is what an authenticator answered to PasskeyOptions.
type AddPasskeyInput struct {
	Name   string // the owner's name for it; empty: none yet
	Answer []byte // RegistrationResponseJSON
	Client Client
}

// AddPasskey gives the account the passkey that an authenticator has created. Sessions
// stay.
func (s *Service) AddPasskey(ctx context.Context, id Identity, in AddPasskeyInput) (Passkey, error) {
	const op = OpAddPasskey
	ceremonies, err := s.passkeys()
	if err != nil {
		return Passkey{}, err
	}
	name, err := passkeyName(in.Name)
	if err != nil {
		return Passkey{}, err
	}
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return Passkey{}, err
	}
	created, err := readPasskey(in.Answer, ceremonies.Created)
	if err != nil {
		return Passkey{}, err
	}
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: in.Client, Account: ua.User.Email, DeviceID: session.ID, Method: MethodPasskey})
	if err != nil {
		return Passkey{}, err
	}
	p, err := s.created(ctx, session, created, in.Client)
	if errors.Is(err, ErrTokenUnknown) || errors.Is(err, ErrPasskeyRefused) {
		reservation.Failed(ctx)
		return Passkey{}, s.refused(ctx, op, id.UserID, in.Client, errPasskeyRefused(err))
	}
	if err != nil {
		reservation.Released(ctx)
		return Passkey{}, err
	}
	reservation.Succeeded(ctx)
	if p.ID, err = newID(s.Random); err != nil {
		return Passkey{}, err
	}
	p.UserID, p.Name, p.CreatedAt = id.UserID, name, s.Now().UTC()
	err = s.PasskeyStore.AddPasskey(ctx, ua.Account.SessionVersion, p)
	switch {
	case errors.Is(err, ErrCredentialExists):
		return Passkey{}, s.refused(ctx, op, id.UserID, in.Client, errPasskeyExists())
	case errors.Is(err, ErrStale):
		return Passkey{}, s.refused(ctx, op, id.UserID, in.Client, errUnauthenticated())
	case err != nil:
		return Passkey{}, err
	}
	s.record(ctx, EventPasskeyAdded, op, session, in.Client)
	s.notify(ctx, MailPasskeyAdded, ua, in.Client)
	return p, nil
}

// created checks an answer and ends its challenge, so that no other answer can use it.
func (s *Service) created(ctx context.Context, session Session, created CreatedPasskey, c Client) (Passkey, error) {
	key := s.challengeKey(ChallengePasskey, challengeEncoding.EncodeToString(created.Challenge), c)
	if _, err := s.ownChallenge(ctx, key, session); err != nil {
		return Passkey{}, err
	}
	handle, err := s.PasskeyStore.UserHandle(ctx, session.UserID, nil)
	if errors.Is(err, ErrNotFound) {
		return Passkey{}, ErrTokenUnknown // the user was deleted meanwhile
	}
	if err != nil {
		return Passkey{}, err
	}
	p, err := created.Check(created.Challenge, handle)
	if err != nil {
		return Passkey{}, err
	}
	return p, s.Credentials.EndChallenge(ctx, key.Hash)
}

// ownChallenge counts an answer to a challenge that this session has begun.
func (s *Service) ownChallenge(ctx context.Context, key ChallengeKey, session Session) (Challenge, error) {
	begun, owner, err := s.Credentials.TryChallenge(ctx, key)
	if err == nil && (owner.User.ID != session.UserID || string(begun.Data) != session.ID) {
		err = ErrTokenUnknown
	}
	return begun, err
}

// readPasskey reads an authenticator's answer, whose size is bounded first.
func readPasskey[T any](answer []byte, read func([]byte) (T, error)) (T, error) {
	var none T
	if len(answer) == 0 {
		return none, Invalid("credential", "must not be empty")
	}
	if len(answer) > MaxPasskeyAnswer {
		return none, Invalid("credential", "longer than %d bytes", MaxPasskeyAnswer)
	}
	parsed, err := read(answer)
	if errors.Is(err, ErrPasskeyAnswer) {
		return none, Invalid("credential", "not the JSON of a public-key credential as toJSON() makes it")
	}
	return parsed, err
}
