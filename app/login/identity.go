package login

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// LinkInput is the result of a sign-in at a provider that the caller began to link it.
type LinkInput struct {
	Assertion Assertion
	Flow      []byte // as of ProviderSignInInput
	Expires   time.Time
	Client    Client
}

// ListIdentities lists the caller's accounts at providers.
func (s *Service) ListIdentities(ctx context.Context, id Identity) ([]ProviderIdentity, error) {
	if _, _, err := s.authorize(ctx, id); err != nil {
		return nil, err
	}
	return s.Identities.Identities(ctx, id.UserID)
}

// MayLink refuses a caller who may not begin to link a provider. Adding a way to sign in
// takes a recent proof, as authorizeFreshly demands it.
func (s *Service) MayLink(ctx context.Context, id Identity, c Client) error {
	_, _, err := s.authorizeFreshly(ctx, OpLinkIdentity, id, c)
	return err
}

// authorizeFreshly finds the caller's live session, if its owner has proved a short
// while ago who they are (provedLately).
func (s *Service) authorizeFreshly(ctx context.Context, op Operation, id Identity, c Client) (Session, UserAccount, error) {
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return session, ua, err
	}
	if !s.provedLately(session, ua.Account) {
		return session, ua, s.refused(ctx, op, id.UserID, c, errElevationRequired(s.elevationMethods(ua)))
	}
	return session, ua, nil
}

// LinkIdentity lets an account at a provider sign in to the caller's account. It refuses
// one that signs in to another account already, and does not say to which. The caller
// answers to MayLink before the flow begins, and the flow names the caller, so a session
// that has grown old at the provider is good enough.
func (s *Service) LinkIdentity(ctx context.Context, id Identity, in LinkInput) error {
	const op = OpLinkIdentity
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return err
	}
	if err := s.spendFlow(ctx, op, in.Flow, in.Expires, in.Client); err != nil {
		return err
	}
	err = s.Identities.AddIdentity(ctx, ua.Account.SessionVersion, s.newIdentity(id.UserID, in.Assertion))
	switch {
	case errors.Is(err, ErrStale):
		return s.refused(ctx, op, id.UserID, in.Client, errUnauthenticated())
	case errors.Is(err, ErrCredentialExists):
		if s.hasIdentity(ctx, id.UserID, in.Assertion) {
			return nil
		}
		return s.refused(ctx, op, id.UserID, in.Client, Errorf(CodeCredentialExists, "This account at the provider signs in to another account here"))
	case err != nil:
		return err
	}
	s.linked(ctx, op, session, ua, in.Client)
	return nil
}

func (s *Service) hasIdentity(ctx context.Context, userID string, a Assertion) bool {
	all, err := s.Identities.Identities(ctx, userID)
	return err == nil && slices.ContainsFunc(all, func(i ProviderIdentity) bool { return i.Issuer == a.Issuer && i.Subject == a.Subject })
}

// addressOf is the address as the provider writes it, fit to be shown.
func addressOf(a Assertion) string { return firstRunes(label(a.Email), maxEmailBytes) }

func (s *Service) newIdentity(userID string, a Assertion) ProviderIdentity {
	now := s.Now().UTC()
	return ProviderIdentity{
		ID: uuid.NewString(), UserID: userID, Provider: a.Provider, Issuer: a.Issuer, Subject: a.Subject,
		Email: addressOf(a), CreatedAt: now, LastUsedAt: now,
	}
}

// linked records a link and tells the owner.
func (s *Service) linked(ctx context.Context, op Operation, session Session, ua UserAccount, c Client) {
	s.record(ctx, EventIdentityLinked, op, session, c)
	s.notify(ctx, MailIdentityLinked, ua, c)
}

// UnlinkIdentity removes one of the caller's identities, which then no longer signs in.
// The last way in stays.
func (s *Service) UnlinkIdentity(ctx context.Context, id Identity, identityID string, c Client) error {
	const op = OpUnlinkIdentity
	session, ua, err := s.authorizeFreshly(ctx, op, id, c)
	if err != nil {
		return err
	}
	if err = s.keepWayIn(ctx, ua, removal{identity: identityID}); err == nil {
		_, err = s.Identities.RemoveIdentity(ctx, id.UserID, ua.Account.SessionVersion, identityID)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return Errorf(CodeNotFound, "No such identity")
	case errors.Is(err, ErrStale):
		return s.refused(ctx, op, id.UserID, c, errUnauthenticated())
	case errors.Is(err, ErrLastWayIn):
		return s.refused(ctx, op, id.UserID, c, errLastWayIn())
	case err != nil:
		return err
	}
	s.record(ctx, EventIdentityUnlinked, op, session, c)
	s.notify(ctx, MailIdentityUnlinked, ua, c)
	return nil
}

func errLastWayIn() *Error {
	return Errorf(CodeLastWayIn, "This is the only way to sign in to the account; add another first")
}
