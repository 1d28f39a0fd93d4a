package login

import "context"

// OpenSession opens a session of a user without asking for its password. No limit
// counts it, and only a disabled account is refused. Deploys and rotations prove with
// it that the service works, so neither a stranger's requests nor a setting may make it
// fail.
func (o *Operator) OpenSession(ctx context.Context, ref string) (Grant, error) {
	ua, err := o.Find(ctx, ref)
	if err != nil {
		return Grant{}, err
	}
	if !ua.Account.DisabledAt.IsZero() {
		return Grant{}, Errorf(CodeAccountDisabled, "This account is disabled")
	}
	drawer := NewService(Deps{Issuer: o.Issuer, Claims: o.Claims, Audit: operatorsAuditor{o.Audit}}, o.Rules)
	session, token, err := drawer.openSession(ua.User.ID, ua.Account.SessionVersion, Client{Name: ActorOperator})
	if err != nil {
		return Grant{}, err
	}
	session.Opens = ua.Account.Unopened
	// Login signs the token first, so that a ring without a usable key leaves no session
	// behind.
	g, err := drawer.grant(ctx, ua, session.Session, token)
	if err != nil {
		return Grant{}, err
	}
	if err := o.Store.CreateSession(ctx, session); err != nil {
		return Grant{}, err
	}
	return g, o.recordEvent(ctx, Event{Name: EventSessionOpened, UserID: ua.User.ID, SessionID: session.Session.ID})
}

// operatorsAuditor records what a use case notices while an operator acts.
type operatorsAuditor struct{ acts ActAuditor }

func (a operatorsAuditor) Record(ctx context.Context, e Event) {
	e.Actor = ActorOperator
	_ = a.acts.RecordAct(ctx, e) // the caller gets an error anyway
}
