package login

import (
	"context"
	"errors"
	"strings"
)

// SignUpInput is a new user's wish.
type SignUpInput struct {
	Email    string
	Name     string
	Password string
	Client   Client
}

// SignUp creates a user and signs it in. That an address is taken is told
// (CodeEmailTaken), which is why attempts are limited per client whether or not
// they succeed.
func (s *Service) SignUp(ctx context.Context, in SignUpInput) (Grant, error) {
	if !s.rules.SignUpEnabled {
		return Grant{}, Errorf(CodeSignupDisabled, "Sign-up is closed")
	}
	h, err := newHolder(in.Email, in.Name, s.rules.DefaultRoles, s.Policy, in.Password)
	if err != nil {
		return Grant{}, err
	}
	reservation, err := s.reserve(ctx, Attempt{Operation: OpSignUp, Client: in.Client})
	if err != nil {
		return Grant{}, err
	}
	if err := s.Hasher.Admit(Work{Operation: OpSignUp}); err != nil {
		reservation.Released(ctx)
		return Grant{}, err
	}
	// A taken address is refused before it costs a hash; the insert decides races.
	if _, err := s.Store.HolderByEmail(ctx, h.User.Email); !errors.Is(err, ErrNotFound) {
		if err == nil {
			reservation.Failed(ctx)
			err = s.refused(ctx, OpSignUp, "", in.Client, errEmailTaken())
		}
		return Grant{}, err
	}
	h.Account.Password, err = s.Hasher.Hash(ctx, Work{Operation: OpSignUp}, in.Password)
	if err != nil {
		reservation.Released(ctx)
		return Grant{}, err
	}
	if h.User.ID, err = newID(s.Random); err != nil {
		return Grant{}, err
	}
	now := s.Now().UTC()
	h.User.CreatedAt, h.User.UpdatedAt = now, now
	session, token, err := s.openSession(h.User.ID, h.Account.Epoch, in.Client)
	if err != nil {
		return Grant{}, err
	}
	if err := s.Store.CreateUser(ctx, h, &session); err != nil {
		if errors.Is(err, ErrEmailTaken) {
			err = s.refused(ctx, OpSignUp, "", in.Client, errEmailTaken())
		}
		return Grant{}, err
	}
	s.record(ctx, EventSignedUp, OpSignUp, session.Session, in.Client)
	g, err := s.grant(h, session.Session, token)
	g.DeviceToken = s.Devices.Issue(h.User.Email, now)
	return g, err
}

// newHolder checks what a new user is made of, without id, hash and times.
func newHolder(email, name string, roles []string, policy PasswordPolicy, password string) (Holder, error) {
	email, err := NormalizeEmail(email)
	if err != nil {
		return Holder{}, err
	}
	if name, err = normalizeName(name); err != nil {
		return Holder{}, err
	}
	if err := policy.Check(password, passwordContext(email, name)...); err != nil {
		return Holder{}, err
	}
	return Holder{
		User:    User{Email: email, Name: name},
		Account: Account{Roles: roles, DefaultRole: roles[0], Epoch: 1},
	}, nil
}

// passwordContext names the words a password must not be built on.
func passwordContext(email, name string) []string {
	local, _, _ := strings.Cut(email, "@")
	return []string{local, name}
}

func errEmailTaken() *Error {
	return Errorf(CodeEmailTaken, "This e-mail address already has an account")
}
