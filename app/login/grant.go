package login

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Grant is the answer to a client that has signed in.
type Grant struct {
	UserID                string
	Token                 string
	TokenExpiresAt        time.Time
	RefreshToken          string
	RefreshTokenExpiresAt time.Time
	SessionExpiresAt      time.Time // whatever happens
	DeviceToken           string    // empty: the client keeps the one it has
	RolesWithheld         bool      // the token lacks roles that take a second factor
}

// openSession draws a session and its first refresh token; nothing is stored.
func (s *Service) openSession(userID string, version int, c Client, amr ...string) (NewSession, refreshToken, error) {
	now := s.Now().UTC()
	token, err := newRefreshToken(s.Random)
	if err != nil {
		return NewSession{}, token, err
	}
	id, err := newID(s.Random)
	if err != nil {
		return NewSession{}, token, err
	}
	expires := now.Add(s.rules.RefreshTTL)
	elevated := time.Time{}
	if slices.Contains(amr, amrMultiple) {
		elevated = now
	}
	return NewSession{
		Session: Session{
			ID: id, UserID: userID, SessionVersion: version, CreatedAt: now, LastUsedAt: now,
			IdleUntil: earlier(now.Add(s.rules.RefreshIdle), expires), ExpiresAt: expires,
			ClientName: label(c.Name), ClientPrefix: c.Prefix(), AMR: amr, ElevatedAt: elevated,
		},
		Token:   token.keyFor(c),
		MaxLive: s.rules.MaxSessions,
	}, token, nil
}

func (s *Service) grant(ctx context.Context, ua UserAccount, session Session, token refreshToken) (Grant, error) {
	access, expires, err := s.accessToken(ctx, ua, session)
	if err != nil {
		return Grant{}, err
	}
	_, withheld := s.entitled(ua.Account, session)
	return Grant{
		RolesWithheld: withheld,
		UserID:        ua.User.ID, Token: access, TokenExpiresAt: expires,
		RefreshToken: token.String(), RefreshTokenExpiresAt: earlier(session.IdleUntil, session.ExpiresAt),
		SessionExpiresAt: session.ExpiresAt,
	}, nil
}

func (s *Service) accessToken(ctx context.Context, ua UserAccount, session Session) (string, time.Time, error) {
	subject, err := s.subject(ctx, ua, session)
	if err != nil {
		return "", time.Time{}, s.noToken(ctx, ua, err)
	}
	token, expires, err := s.Issuer.Issue(subject, s.Now())
	return token, expires, s.noToken(ctx, ua, err)
}

// subject is what a token of the session says. Without an answer of every source of
// claims there is no token: one with fewer claims could open more than its bearer may see.
func (s *Service) subject(ctx context.Context, ua UserAccount, session Session) (Subject, error) {
	account, _ := s.entitled(ua.Account, session)
	sub := Subject{User: ua.User, Account: account, SessionID: session.ID, AMR: session.AMR, AuthTime: session.signedInAt(), Elevated: s.elevated(session, ua.Account)}
	if session.ElevatedAt.After(sub.AuthTime) {
		sub.AuthTime = session.ElevatedAt
	}
	var claims map[string]string // nil: no source has any
	for _, source := range s.Claims {
		more, err := source.Claims(ctx, ua)
		if err != nil {
			return Subject{}, err
		}
		if claims == nil && len(more) > 0 {
			claims = map[string]string{}
			maps.Copy(claims, ua.Account.Claims)
		}
		maps.Copy(claims, more)
	}
	if claims != nil {
		sub.Account.Claims = claims
	}
	return sub, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// opening is a sign-in that has given every proof.
type opening struct {
	op          Operation
	userAccount UserAccount
	client      Client
	amr         []string
	passkey     *PasskeyUse // see NewSession
	known       bool        // the device has signed in before
	remember    bool        // the device needs no second factor for a while
	// deviceToken goes back to the client unchanged. If it is empty, the client gets a
	// new one, unless keepsToken says that it keeps its own.
	deviceToken string
	keepsToken  bool
}

// open opens the session of a sign-in and tells the owner of a new device.
func (s *Service) open(ctx context.Context, o opening) (Grant, error) {
	ua := o.userAccount
	session, token, err := s.openSession(ua.User.ID, ua.Account.SessionVersion, o.client, o.amr...)
	if err != nil {
		return Grant{}, err
	}
	session.Opens, session.Passkey = ua.Account.Unopened, o.passkey
	// Without claims there is no token, and then no session either: failed sign-ins
	// must not end the account's oldest sessions.
	g, err := s.grant(ctx, ua, session.Session, token)
	if err != nil {
		return Grant{}, err
	}
	if err := s.Store.CreateSession(ctx, session); err != nil {
		if errors.Is(err, ErrStale) { // the credential was removed since the check
			err = s.refused(ctx, o.op, ua.User.ID, o.client, errInvalidCredentials())
		}
		return Grant{}, err
	}
	s.record(ctx, EventSignedIn, o.op, session.Session, o.client)
	if !o.known {
		s.notify(ctx, MailNewDevice, ua, o.client)
	}
	if g.DeviceToken = o.deviceToken; g.DeviceToken == "" && !o.keepsToken {
		g.DeviceToken = s.deviceToken(ua, o.remember)
	}
	return g, nil
}
