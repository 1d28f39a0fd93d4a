package login

import (
	"cmp"
	"context"
	"errors"
	"io"
)

// InviteMemberInput names a person who may join an organisation.
type InviteMemberInput struct {
	OrganizationID string
	Email          string
	Role           string // optional; member
	Language       string // optional; of the mail, such as "de"
	Client         Client
}

// InviteMember mails an invitation to an organisation. The answer and the work are the
// same whether or not the address has an account: nothing looks for one. The caller's own
// address must be verified, so that a stranger cannot send mails with a throw-away sign-up.
func (s *Service) InviteMember(ctx context.Context, id Identity, in InviteMemberInput) (Invitation, error) {
	const op = OpInviteMember
	session, ua, err := s.authorizeMember(ctx, id)
	if err != nil {
		return Invitation{}, err
	}
	if !s.rules.MailEnabled {
		return Invitation{}, errMailDisabled()
	}
	i, language, err := s.readInvitation(in)
	if err != nil {
		return Invitation{}, err
	}
	if ua.Account.EmailVerifiedAt.IsZero() {
		return Invitation{}, s.refused(ctx, op, id.UserID, in.Client, errEmailNotVerified("Verify your own address first: ask for a mail with a link"))
	}
	own, err := s.membershipOf(ctx, id, in.OrganizationID)
	if err == nil && !own.Role.MayManage(i.Role) {
		err = ErrForbidden
	}
	if err != nil {
		return Invitation{}, s.organizationRefused(ctx, op, id, in.Client, err)
	}
	i.Organization = own.Organization
	if _, err := s.reserve(ctx, Attempt{Operation: op, Client: in.Client, Account: ua.User.Email}); err != nil {
		return Invitation{}, err
	}
	// A request for a change of address says nothing if the mailbox has had its share. Here
	// the invitation would be listed as open without any mail, so the sender must know.
	if _, err := s.reserve(ctx, Attempt{Operation: op, Client: in.Client, Recipient: i.Email, Unsolicited: MailOrganizationInvitation}); err != nil {
		return Invitation{}, err
	}
	i.InvitedBy = ua.User.ID
	if err := i.draw(s.Random, s.MailSecret); err != nil {
		return Invitation{}, err
	}
	mail := i.mail(MailOrganizationInvitation, MailPayload{
		Language: language, At: i.CreatedAt, Account: Masked(ua.User.Email), Organization: mailedName(i.Organization.Name),
	})
	if err := s.Invitations.AddInvitation(ctx, i, mail); err != nil {
		return Invitation{}, s.organizationRefused(ctx, op, id, in.Client, err)
	}
	s.mailQueued()
	e := organizationEvent(EventMemberInvited, op, session, i.Organization.ID, "", in.Client)
	e.Role = i.Role
	s.Audit.Record(ctx, e)
	return i, nil
}

// readInvitation checks an invitation before anything is looked up.
func (s *Service) readInvitation(in InviteMemberInput) (i Invitation, language string, err error) {
	if i.Email, err = NormalizeEmail(in.Email); err != nil {
		return i, "", err
	}
	if err := s.mayHave(i.Email); err != nil {
		return i, "", err
	}
	if i.Role, err = ParseMemberRole(cmp.Or(in.Role, string(RoleMember))); err != nil {
		return i, "", err
	}
	if language, err = mailLanguage(in.Language, in.Client); err != nil {
		return i, "", err
	}
	i.CreatedAt = s.Now().UTC()
	i.ExpiresAt = i.CreatedAt.Add(InvitationLife)
	return i, language, nil
}

// draw gives an invitation its id, and the token that its mail will carry.
func (i *Invitation) draw(random io.Reader, secret MailSecret) error {
	made, err := secret.draw(random)
	if err != nil {
		return err
	}
	i.ID, i.MadeWith = made.id, made.mark
	i.Hash, _ = HashMailToken(made.token)
	return nil
}

func (i *Invitation) mail(kind MailKind, payload MailPayload) QueuedMail {
	payload.MadeWith = i.MadeWith
	return QueuedMail{ID: i.ID, Kind: kind, Recipient: i.Email, Payload: payload, CreatedAt: i.CreatedAt}
}

// mailedName is an organisation's name as a mail may repeat it, or nothing: its owner may
// be a stranger to the recipient, and the name a message. Nothing in it may look like a
// link or an address.
func mailedName(name string) string {
	if isLinkLike(name) {
		return ""
	}
	return name
}

// ListInvitations lists the open invitations of one of the caller's organisations.
func (s *Service) ListInvitations(ctx context.Context, id Identity, organizationID string, c Client) ([]Invitation, error) {
	const op = OpOrganizationInvitations
	if _, _, err := s.authorizeMember(ctx, id); err != nil {
		return nil, err
	}
	if !isUUID(organizationID) {
		return nil, s.organizationRefused(ctx, op, id, c, ErrNotFound)
	}
	list, err := s.Invitations.Invitations(ctx, organizationID, id.UserID, s.Now())
	if err != nil {
		return nil, s.organizationRefused(ctx, op, id, c, err)
	}
	return list, nil
}

// RevokeInvitation makes an invitation to one of the caller's organisations void.
func (s *Service) RevokeInvitation(ctx context.Context, id Identity, organizationID, invitationID string, c Client) error {
	const op = OpRevokeInvitation
	session, _, err := s.authorizeMember(ctx, id)
	if err != nil {
		return err
	}
	if !isUUID(organizationID) || !isUUID(invitationID) {
		return s.organizationRefused(ctx, op, id, c, ErrNotFound)
	}
	if err := s.Invitations.RevokeInvitation(ctx, organizationID, id.UserID, invitationID); err != nil {
		return s.organizationRefused(ctx, op, id, c, err)
	}
	s.recordOrganization(ctx, EventInvitationRevoked, op, session, organizationID, "", c)
	return nil
}

// OpenInvitation is an invitation as its bearer may see it.
type OpenInvitation struct {
	Invitation
	HasAccount bool // the address has an account: its owner signs in and accepts
}

// Invitation describes the invitation of a token and spends nothing. Its bearer reads the
// mailbox, so it tells whether the address has an account.
func (s *Service) Invitation(ctx context.Context, token string, c Client) (OpenInvitation, error) {
	const op = OpInvitation
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: c})
	if err != nil {
		return OpenInvitation{}, err
	}
	i, err := s.openInvitation(ctx, token)
	if err != nil {
		return OpenInvitation{}, s.linkRefused(ctx, op, reservation, "", c, err)
	}
	known, err := s.Store.UserAccountByEmail(ctx, i.Email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		reservation.Released(ctx)
		return OpenInvitation{}, err
	}
	return OpenInvitation{Invitation: i, HasAccount: err == nil && !s.mayGiveWay(known)}, nil
}

// openInvitation finds an invitation that can be accepted; ErrTokenUnknown.
func (s *Service) openInvitation(ctx context.Context, token string) (Invitation, error) {
	hash, wellFormed := HashMailToken(token)
	if !wellFormed {
		return Invitation{}, ErrTokenUnknown
	}
	i, err := s.Invitations.Invitation(ctx, hash, s.Now())
	if err == nil && i.Organization.ID != "" && s.Organizations == nil { // switched off since
		err = ErrTokenUnknown
	}
	return i, err
}

// AcceptInvitation spends an invitation of the caller's address: the caller becomes a
// member of its organisation. The token comes from the mailbox and the session from the
// account, so the address is verified as VerifyEmail would. Tokens show the organisation
// from the next refresh on.
func (s *Service) AcceptInvitation(ctx context.Context, id Identity, token string, c Client) (Invitation, error) {
	const op = OpAcceptInvitation
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return Invitation{}, err
	}
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: c})
	if err != nil {
		return Invitation{}, err
	}
	i, err := s.openInvitation(ctx, token)
	if err == nil && i.Email != ua.User.Email {
		// The bearer has the link of another mailbox, perhaps their own.
		return Invitation{}, s.refused(ctx, op, id.UserID, c, Errorf(CodeForbidden, "This invitation is for another e-mail address; sign in to the account of that address"))
	}
	if err == nil {
		i, err = s.Invitations.AcceptInvitation(ctx, i.Hash, id.UserID, s.Now().UTC())
	}
	switch {
	case errors.Is(err, ErrTooMany):
		return Invitation{}, s.organizationRefused(ctx, op, id, c, err)
	case errors.Is(err, ErrStale): // disabled, or given another address meanwhile
		return Invitation{}, s.refused(ctx, op, id.UserID, c, errUnauthenticated())
	case err != nil:
		return Invitation{}, s.linkRefused(ctx, op, reservation, id.UserID, c, err)
	}
	if ua.Account.EmailVerifiedAt.IsZero() {
		s.record(ctx, EventEmailVerified, op, session, c)
	}
	s.recordOrganization(ctx, EventInvitationAccepted, op, session, i.Organization.ID, i.InvitedBy, c)
	return i, nil
}
