package login

import (
	"context"
	"errors"
	"time"
)

// SignInInput names an account and offers its password.
type SignInInput struct {
	Email       string
	Password    string
	DeviceToken string // optional; from an earlier grant on this device
	Client      Client
}

// rehashPatience bounds how long a background re-hash may wait for the hash limiter.
const rehashPatience = 10 * time.Second

// SignIn checks a password and opens a session. Unknown address, wrong password
// and a disabled account with a wrong password cost the same work and get the
// same answer.
func (s *Service) SignIn(ctx context.Context, in SignInInput) (Grant, error) {
	email, err := NormalizeEmail(in.Email)
	if err != nil {
		return Grant{}, err
	}
	if in.Password == "" {
		return Grant{}, Invalid("password", "must not be empty")
	}
	device := ""
	if in.DeviceToken != "" {
		device = s.Devices.Check(email, in.DeviceToken, s.Now())
	}
	reservation, err := s.reserve(ctx, Attempt{Operation: OpSignIn, Client: in.Client, Account: email, DeviceID: device})
	if err != nil {
		return Grant{}, err
	}
	hashing, err := s.Hasher.Admit(HashRequest{Operation: OpSignIn, Addr: in.Client.Addr, KnownDevice: reservation.KnownDevice()})
	if err != nil {
		reservation.Released(ctx)
		return Grant{}, err
	}
	defer s.releaseTicket(&hashing)
	ua, err := s.Store.UserAccountByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		reservation.Released(ctx)
		return Grant{}, err
	}
	if device != "" && !s.knows(device, ua) {
		s.Hasher.Release(hashing.passOn())
		reservation.Released(ctx)
		in.DeviceToken = "" // retry without the device token, which no longer counts
		return s.SignIn(ctx, in)
	}
	ok, stale, err := s.checkPassword(ctx, reservation, hashing.passOn(), ua.Account.Password, in.Password)
	if err != nil {
		return Grant{}, err
	}
	if !ok {
		return Grant{}, s.refused(ctx, OpSignIn, ua.User.ID, in.Client, errInvalidCredentials())
	}
	if err := s.mayEnter(ctx, OpSignIn, ua, in.Client); err != nil {
		return Grant{}, err
	}
	if stale {
		s.rehash(ctx, ua, in)
	}
	remembered := s.remembers(device, ua)
	if s.asksForFactor(ua, remembered) {
		return Grant{}, s.secondFactorRequired(ctx, OpSignIn, ua, firstHalf{Device: device}, in.Client)
	}
	o := opening{op: OpSignIn, userAccount: ua, client: in.Client, amr: []string{amrPassword}, known: device != ""}
	if remembered {
		o.deviceToken = in.DeviceToken // its lifetime does not start again
	}
	return s.open(ctx, o)
}

// mayEnter refuses a sign-in to an account that is disabled or not verified. Callers ask
// it after the proof, because its answer shows that the account exists.
func (s *Service) mayEnter(ctx context.Context, op Operation, ua UserAccount, c Client) error {
	if !ua.Account.DisabledAt.IsZero() {
		return s.refused(ctx, op, ua.User.ID, c, Errorf(CodeAccountDisabled, "This account is disabled"))
	}
	if s.rules.RequireVerifiedEmail && ua.Account.EmailVerifiedAt.IsZero() {
		return s.refused(ctx, op, ua.User.ID, c, errEmailNotVerified("Open the link in the mail that was sent to this address, or ask for a new one"))
	}
	return nil
}

// rehash brings a stored hash to the live cost after the answer is out. Losing
// the compare-and-set, or a full limiter, only means the next sign-in tries again.
func (s *Service) rehash(ctx context.Context, ua UserAccount, in SignInInput) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rehashPatience)
	s.background.Go(func() {
		defer cancel()
		hash, err := s.Hasher.Hash(ctx, HashRequest{Operation: OpSignIn, Addr: in.Client.Addr}, in.Password)
		if err == nil {
			_ = s.Store.ReplaceHash(ctx, ua.User.ID, ua.Account.Password, hash)
		}
	})
}

// checkPassword spends one hash on the password of an attempt. An empty hash stands for
// an unknown account. It settles the reservation in every case.
func (s *Service) checkPassword(ctx context.Context, r Reservation, req HashRequest, hash, password string) (ok, stale bool, err error) {
	ok, stale, err = s.Hasher.Verify(ctx, req, hash, password)
	switch {
	case err != nil:
		r.Released(ctx)
	case ok:
		r.Succeeded(ctx)
	default:
		r.Failed(ctx)
	}
	return ok, stale, err
}
