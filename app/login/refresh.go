package login

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// RefreshInput presents a refresh token.
type RefreshInput struct {
	RefreshToken string
	Client       Client
}

// Refresh exchanges a refresh token for a new grant. Until its successor is used,
// and for the grace after that, a token leads to the same family again (a lost
// answer, two tabs). After that it counts as stolen, and its session ends.
func (s *Service) Refresh(ctx context.Context, in RefreshInput) (Grant, error) {
	token, ok := parseRefreshToken(in.RefreshToken)
	attempt := Attempt{Operation: OpRefresh, Client: in.Client}
	if ok {
		attempt.Family = token.family()
	}
	reservation, err := s.reserve(ctx, attempt)
	if err != nil {
		return Grant{}, err
	}
	if !ok {
		reservation.Failed(ctx)
		return Grant{}, s.refused(ctx, OpRefresh, "", in.Client, errInvalidRefreshToken())
	}
	rotated, err := s.rotate(ctx, token)
	switch {
	case errors.Is(err, ErrTokenReused):
		s.record(ctx, EventReuseDetected, OpRefresh, rotated.Session, in.Client)
		s.notify(ctx, MailSessionsEnded, rotated.UserAccount, in.Client)
		return Grant{}, errInvalidRefreshToken()
	case errors.Is(err, ErrTokenUnknown):
		reservation.Failed(ctx)
		return Grant{}, s.refused(ctx, OpRefresh, "", in.Client, errInvalidRefreshToken())
	case err != nil:
		return Grant{}, err
	}
	next := token
	for _, nonce := range rotated.Nonces {
		if next, err = next.child(nonce); err != nil {
			return Grant{}, err
		}
	}
	s.record(ctx, EventRefreshed, OpRefresh, rotated.Session, in.Client)
	return s.grant(ctx, rotated.UserAccount, rotated.Session, next)
}

func (s *Service) rotate(ctx context.Context, token refreshToken) (Rotated, error) {
	nonce := make([]byte, nonceBytes)
	if _, err := io.ReadFull(s.Random, nonce); err != nil {
		return Rotated{}, fmt.Errorf("drawing a nonce: %w", err)
	}
	child, err := token.child(nonce)
	if err != nil {
		return Rotated{}, err
	}
	now := s.Now().UTC()
	return s.Store.RotateToken(ctx, Rotation{
		Presented: token.key(), Child: child.hash(), Nonce: nonce,
		Now: now, Grace: s.rules.RefreshGrace, IdleUntil: now.Add(s.rules.RefreshIdle),
	})
}

// SignOut ends the session of a refresh token, spent or not, and the session of the
// hosted pages that it came from: otherwise the next person at this browser would be one
// click away from the account. The latter ends even if the app's session was over
// before. A token without a session is no error.
func (s *Service) SignOut(ctx context.Context, in RefreshInput) error {
	token, ok := parseRefreshToken(in.RefreshToken)
	if !ok {
		return nil
	}
	return s.signOut(ctx, token.key(), in.Client)
}

func (s *Service) signOut(ctx context.Context, token TokenKey, c Client) error {
	session, err := s.Store.EndSessionByToken(ctx, token, s.Now())
	if err == nil {
		s.record(ctx, EventSignedOut, OpSignOut, session, c)
	} else if !errors.Is(err, ErrTokenUnknown) {
		return err
	}
	if session.OriginID == "" {
		return nil
	}
	err = s.Store.EndSession(ctx, session.UserID, session.OriginID, s.Now())
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		s.record(ctx, EventSignedOut, OpSignOut, Session{UserID: session.UserID, ID: session.OriginID}, c)
	}
	return err
}

func errInvalidRefreshToken() *Error {
	return Errorf(CodeInvalidRefreshToken, "The refresh token is unknown, expired or spent; sign in again")
}
