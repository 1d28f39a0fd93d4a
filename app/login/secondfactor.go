package login

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
)

// firstHalf is the first half of a sign-in, as its challenge keeps it.
type firstHalf struct {
	// Device is the id of a known device, which has its own count: a stranger who has
	// only the password cannot use up its tries.
	Device string `json:"device,omitempty"`
	// Mailbox is the address whose mail the person has read.
	Mailbox string `json:"mailbox,omitempty"`
	// Link is true if the person has followed a link to reset the password: one from the
	// mailbox, or one that an operator handed over.
	Link bool `json:"link,omitempty"`
	// Provider is true if a provider has signed the person in. Without Provider, Link and
	// Mailbox, the first half was a password.
	Provider bool `json:"provider,omitempty"`
}

// amr is what RFC 8176 calls the first half.
func (h firstHalf) amr() string {
	switch {
	case h.Provider:
		return amrProvider
	case h.Link || h.Mailbox != "":
		return amrCode
	}
	return amrPassword
}

// secondFactorRequired ends the first half of a sign-in whose account has a second
// factor.
func (s *Service) secondFactorRequired(ctx context.Context, op Operation, ua UserAccount, h firstHalf, c Client) error {
	methods := s.answerable(ua.Account)
	if len(methods) == 0 {
		return s.refused(ctx, op, ua.User.ID, c, Errorf(CodePasskeysDisabled, "This account also asks for its passkey, and this service takes no passkeys; ask its operator"))
	}
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	challenge, err := s.challenge(ctx, ChallengeSecondFactor, ua, c, data)
	if errors.Is(err, ErrStale) {
		return s.refused(ctx, op, ua.User.ID, c, errInvalidCredentials())
	}
	if err != nil {
		return err
	}
	e := Errorf(CodeSecondFactorRequired, "This account also asks for a second factor: send it with the challenge")
	e.Challenge, e.Methods = challenge, methods
	if slices.Contains(methods, MethodPasskey) {
		// An authenticator signs the challenge itself.
		raw, _ := challengeEncoding.DecodeString(challenge)
		if e.PasskeyOptions, err = s.requestOptions(ctx, ua, raw); err != nil {
			return err
		}
	}
	return e
}

// SignInSecondFactorInput answers the challenge of a sign-in.
type SignInSecondFactorInput struct {
	Challenge string
	Proof     Proof
	// Remember lets this device sign in without a second factor for a while.
	Remember bool
	Client   Client
}

// SignInSecondFactor proves a second factor and opens the session that a sign-in
// has begun. A wrong code spends one of the challenge's tries and nothing else.
func (s *Service) SignInSecondFactor(ctx context.Context, in SignInSecondFactorInput) (Grant, error) {
	const op = OpSignInSecondFactor
	if err := in.Proof.check(secondFactors()); err != nil {
		return Grant{}, err
	}
	key := s.challengeKey(ChallengeSecondFactor, in.Challenge, in.Client)
	asked, ua, err := s.Credentials.TryChallenge(ctx, key)
	if errors.Is(err, ErrTokenUnknown) {
		return Grant{}, s.challengeRefused(ctx, op, in.Client)
	}
	var first firstHalf
	if err == nil {
		err = json.Unmarshal(asked.Data, &first)
	}
	if err != nil {
		return Grant{}, err
	}
	attempt := Attempt{Operation: op, Client: in.Client, Account: ua.User.Email, Method: in.Proof.Method, DeviceID: first.Device}
	in.Proof.asked = askedToSignIn(asked, in.Challenge)
	refusal := wrong(in.Proof.Method)
	amr, err := s.prove(ctx, attempt, ua, in.Proof, refusal)
	if err != nil {
		if AsError(err).Code != refusal.Code { // nothing was compared
			err = s.refundChallengeTry(ctx, key.Hash, err)
		}
		s.tellOfWrongCodes(ctx, asked, ua, in.Client, err)
		return Grant{}, err
	}
	// Of two right answers to the same challenge, one opens a session.
	if err := s.Credentials.EndChallenge(ctx, key.Hash); err != nil {
		if errors.Is(err, ErrTokenUnknown) {
			err = s.refused(ctx, op, ua.User.ID, in.Client, errChallenge())
		}
		return Grant{}, err
	}
	if ua, err = s.verifyMailbox(ctx, op, ua, first.Mailbox, in.Client); err != nil {
		return Grant{}, err
	}
	return s.open(ctx, opening{op: op, userAccount: ua, client: in.Client, amr: withProof([]string{first.amr()}, in.Proof.Method, amr...), known: first.Device != "", remember: in.Remember})
}

// tellOfWrongCodes tells the owner that somebody has the first factor and guesses the
// second. It does so once a challenge is used up, or a limit of the account or of its
// device refuses. An attacker who stays below both has at most 30 guesses a day.
func (s *Service) tellOfWrongCodes(ctx context.Context, c Challenge, ua UserAccount, client Client, err error) {
	usedUp := AsError(err).Code == CodeInvalidCode && c.Tries >= ChallengeTries
	if scope := scopeOf(err); usedUp || scope == LimitScopeAccount || scope == LimitScopeDevice {
		s.notify(ctx, MailWrongCodes, ua, client)
	}
}

// verifyMailbox notes that a sign-in has proved the account's address. It does nothing if
// the account has another address by now.
func (s *Service) verifyMailbox(ctx context.Context, op Operation, ua UserAccount, mailbox string, c Client) (UserAccount, error) {
	if mailbox == "" || mailbox != ua.User.Email || !ua.Account.EmailVerifiedAt.IsZero() {
		return ua, nil
	}
	now := s.Now().UTC()
	if err := s.Mail.VerifyMailbox(ctx, ua.User.ID, mailbox, now); err != nil {
		return ua, err
	}
	ua.Account.EmailVerifiedAt = now
	s.record(ctx, EventEmailVerified, op, Session{UserID: ua.User.ID}, c)
	return ua, nil
}

func secondFactors() []Method { return []Method{MethodPasskey, MethodTOTP, MethodRecoveryCode} }
