package login

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// A browser can keep its session in a cookie that no script can read. The cookie holds
// the token that the session was opened with. It is never exchanged: login looks the
// session up at every request and makes the access token that Hasura reads, so the
// browser has nothing to refresh, and the end of a session holds at the next request.

const (
	// keptTokens bounds the memory for access tokens, which have about 1 kB each.
	keptTokens = 4096
	// keptOver bounds the memory for cookies whose sessions are over.
	keptOver = 4096
	// overFor is how long the answers to a cookie leave it in the browser after its session
	// was first found to be over. An answer that is under way when the browser gets its next
	// cookie would otherwise remove that one.
	overFor = 10 * time.Second
	// touchEvery is how often the use of a session is noted, if it may be idle for long.
	touchEvery = 5 * time.Minute
	// touchesPerIdle is how often it is noted at least in the time that it may be idle.
	touchesPerIdle = 20
	touchPatience  = 5 * time.Second
)

// keptToken is an access token of a session, for as long as it says what the session's
// next token would say.
type keptToken struct {
	token string
	says  [sha256.Size]byte // the subject, and the key that signed it
	until time.Time
}

// cookieKey is the stored form of a token in a cookie. It differs from key, so neither
// works in the other's place: nobody can exchange a cookie for tokens that a page could
// read, and a refresh token is no cookie.
func (t refreshToken) cookieKey() TokenKey {
	const purpose = "cookie:"
	return TokenKey{
		Family: sha256.Sum256(append([]byte(purpose), t[:familyBytes]...)),
		Token:  sha256.Sum256(append([]byte(purpose), t[:]...)),
	}
}

// keyFor is the stored form of a session's first token.
func (t refreshToken) keyFor(c Client) TokenKey {
	if c.KeepsCookie {
		return t.cookieKey()
	}
	return t.key()
}

// CookieIdentity returns the caller that a session's cookie names.
func (s *Service) CookieIdentity(ctx context.Context, cookie string) (Identity, error) {
	session, _, err := s.cookieSession(ctx, cookie)
	return Identity{UserID: session.UserID, SessionID: session.ID}, err
}

// cookieSession finds the live session of a cookie and notes that it is in use.
func (s *Service) cookieSession(ctx context.Context, cookie string) (Session, UserAccount, error) {
	token, ok := parseRefreshToken(cookie)
	if !ok {
		return Session{}, UserAccount{}, errCookieOver()
	}
	session, ua, err := s.Store.SessionByToken(ctx, token.cookieKey(), s.Now())
	if errors.Is(err, ErrNotFound) {
		return Session{}, UserAccount{}, errCookieOver()
	}
	if err == nil {
		s.touch(ctx, session)
	}
	return session, ua, err
}

// touch notes that a session is in use, some times in the time that it may be idle. The
// request does not wait for it. If it fails, a later request tries again.
func (s *Service) touch(ctx context.Context, session Session) {
	now := s.Now().UTC()
	before := now.Add(-min(touchEvery, s.rules.RefreshIdle/touchesPerIdle))
	if !session.LastUsedAt.Before(before) {
		return
	}
	if began, ok := s.touched.get(session.ID); ok && began.After(before) {
		return
	}
	s.touched.put(session.ID, now)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchPatience)
	s.background.Go(func() {
		defer cancel()
		_ = s.Store.TouchSession(ctx, session.ID, before, now, now.Add(s.rules.RefreshIdle))
	})
}

// GatewayInput is a request with a session's cookie, on its way to Hasura.
type GatewayInput struct {
	Cookie string
	Role   string // the session's role that the request asks for; empty: its default role
}

// Gateway returns an access token for the session of a cookie. Every call looks the
// session up; it returns an earlier token again if that still says the same and has
// half of its life left, so a WebSocket that it opens has at least that long.
func (s *Service) Gateway(ctx context.Context, in GatewayInput) (token string, err error) {
	session, ua, err := s.cookieSession(ctx, in.Cookie)
	if err != nil {
		return "", err
	}
	account, _ := s.entitled(ua.Account, session)
	if in.Role != "" && !slices.Contains(account.Roles, in.Role) {
		return "", Errorf(CodeForbidden, "This session does not have the role that X-Hasura-Role asks for")
	}
	now := s.Now()
	subject, err := s.subject(ctx, ua, session)
	if err != nil {
		return "", s.noToken(ctx, ua, err)
	}
	says, err := s.says(subject, now)
	if err != nil {
		return "", err
	}
	if kept, ok := s.tokens.get(session.ID); ok && kept.says == says && now.Before(kept.until) {
		return kept.token, nil
	}
	token, expires, err := s.Issuer.Issue(subject, now)
	if err != nil {
		return "", s.noToken(ctx, ua, err)
	}
	s.tokens.put(session.ID, keptToken{token: token, says: says, until: now.Add(expires.Sub(now) / 2)})
	return token, nil
}

// says identifies what a token would say now, and the key that would sign it.
func (s *Service) says(subject Subject, now time.Time) ([sha256.Size]byte, error) {
	text, err := json.Marshal(struct {
		Subject Subject
		Key     string
	}{subject, s.Issuer.Key(now)})
	return sha256.Sum256(text), err
}

// CookieOver reports whether the session of a cookie was found to be over some seconds
// ago. It is asked about cookies that were refused just now.
func (s *Service) CookieOver(cookie string) bool {
	token, ok := parseRefreshToken(cookie)
	if !ok {
		return true // it never was the cookie of a session
	}
	key, now := token.cookieKey().Token, s.Now()
	since, known := s.over.get(key)
	if !known {
		s.over.put(key, now)
	}
	return known && now.Sub(since) >= overFor
}

// SignOutCookie ends the session of a cookie, as SignOut does.
func (s *Service) SignOutCookie(ctx context.Context, cookie string, c Client) error {
	token, ok := parseRefreshToken(cookie)
	if !ok {
		return nil
	}
	return s.signOut(ctx, token.cookieKey(), c)
}

// ReplaceCookie ends the session of a cookie that the browser has just lost to a new
// one. The session of the hosted pages that it came from goes on: the new one may come
// from there, too.
func (s *Service) ReplaceCookie(ctx context.Context, cookie string, c Client) error {
	token, ok := parseRefreshToken(cookie)
	if !ok {
		return nil
	}
	session, err := s.Store.EndSessionByToken(ctx, token.cookieKey(), s.Now())
	if errors.Is(err, ErrTokenUnknown) {
		return nil
	}
	if err == nil {
		s.record(ctx, EventSignedOut, OpSignOut, session, c)
	}
	return err
}

func errCookieOver() *Error {
	return Errorf(CodeUnauthenticated, "Sign in first: the session of this cookie has ended")
}
