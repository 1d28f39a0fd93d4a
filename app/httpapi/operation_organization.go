package httpapi

import (
	"context"
	"net/http"

	"hasura-login/app/login"
)

// organizationOperations are those about organisations, their members and invitations.
func organizationOperations() []operation {
	organization, user, invitation := inPath("organizationId"), inPath("userId"), inPath("invitationId")
	return []operation{
		{
			name: login.OpCreateOrganization, method: http.MethodPost, path: "/auth/organizations", status: http.StatusCreated,
			fields: required("name"),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				m, err := s.CreateOrganization(ctx, c.identity, c.args["name"], c.client)
				return answerOf(m, err, organizationOf)
			},
		},
		{
			name: login.OpOrganizations, method: http.MethodGet, path: "/auth/organizations", status: http.StatusOK, restOnly: true,
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				list, err := s.ListOrganizations(ctx, c.identity)
				return listOf(list, err, organizationOf)
			},
		},
		{
			name: login.OpDeleteOrganization, method: http.MethodDelete, path: "/auth/organizations/:organizationId", status: http.StatusNoContent,
			fields: []field{organization},
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.DeleteOrganization(ctx, c.identity, c.args["organizationId"], c.client)
			},
		},
		{
			name: login.OpLeaveOrganization, method: http.MethodDelete, path: "/auth/organizations/:organizationId/membership", status: http.StatusNoContent,
			fields: []field{organization},
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.LeaveOrganization(ctx, c.identity, c.args["organizationId"], c.client)
			},
		},
		{
			name: login.OpOrganizationMembers, method: http.MethodGet, path: "/auth/organizations/:organizationId/members", status: http.StatusOK,
			fields: []field{organization, {name: "after", optional: true, inQuery: true}},
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				list, err := s.ListMembers(ctx, c.identity, c.args["organizationId"], c.args["after"], c.client)
				return listOf(list, err, memberOf)
			},
		},
		{
			name: login.OpChangeMemberRole, method: http.MethodPatch, path: "/auth/organizations/:organizationId/members/:userId", status: http.StatusNoContent,
			fields: append([]field{organization, user}, required("role")...),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.ChangeMemberRole(ctx, c.identity, c.args["organizationId"], c.args["userId"], c.args["role"], c.client)
			},
		},
		{
			name: login.OpRemoveMember, method: http.MethodDelete, path: "/auth/organizations/:organizationId/members/:userId", status: http.StatusNoContent,
			fields: []field{organization, user},
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.RemoveMember(ctx, c.identity, c.args["organizationId"], c.args["userId"], c.client)
			},
		},
		{
			name: login.OpInviteMember, method: http.MethodPost, path: "/auth/organizations/:organizationId/invitations", status: http.StatusCreated,
			fields: append([]field{organization, {name: "role", optional: true}, {name: "language", optional: true}}, required("email")...),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				i, err := s.InviteMember(ctx, c.identity, login.InviteMemberInput{
					OrganizationID: c.args["organizationId"], Email: c.args["email"], Role: c.args["role"], Language: c.args["language"], Client: c.client,
				})
				return answerOf(i, err, invitationOf)
			},
		},
		{
			name: login.OpOrganizationInvitations, method: http.MethodGet, path: "/auth/organizations/:organizationId/invitations", status: http.StatusOK,
			fields: []field{organization},
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				list, err := s.ListInvitations(ctx, c.identity, c.args["organizationId"], c.client)
				return listOf(list, err, invitationOf)
			},
		},
		{
			name: login.OpRevokeInvitation, method: http.MethodDelete, path: "/auth/organizations/:organizationId/invitations/:invitationId", status: http.StatusNoContent,
			fields: []field{organization, invitation},
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				return nil, s.RevokeInvitation(ctx, c.identity, c.args["organizationId"], c.args["invitationId"], c.client)
			},
		},
		{
			name: login.OpInvitation, method: http.MethodPost, path: "/auth/invitation", status: http.StatusOK,
			fields: required("token"),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				i, err := s.Invitation(ctx, c.args["token"], c.client)
				return answerOf(i, err, openInvitationOf)
			},
		},
		{
			name: login.OpAcceptInvitation, method: http.MethodPost, path: "/auth/invitation/accept", status: http.StatusOK,
			fields: required("token"),
			run: func(ctx context.Context, s *login.Service, c call) (any, error) {
				i, err := s.AcceptInvitation(ctx, c.identity, c.args["token"], c.client)
				return answerOf(i, err, acceptedOf)
			},
		},
	}
}

func inPath(name string) field { return field{name: name, inPath: true} }

func answerOf[T, A any](value T, err error, answer func(T) A) (any, error) {
	if err != nil {
		return nil, err
	}
	return answer(value), nil
}

func listOf[T, A any](values []T, err error, answer func(T) A) (any, error) {
	if err != nil {
		return nil, err
	}
	answers := make([]A, len(values))
	for i, v := range values {
		answers[i] = answer(v)
	}
	return answers, nil
}

// organizationAnswer is the GraphQL type LoginOrganization.
type organizationAnswer struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Role      string `json:"role"` // the caller's
	CreatedAt string `json:"createdAt"`
}

func organizationOf(m login.Membership) organizationAnswer {
	return organizationAnswer{m.Organization.ID, m.Organization.Name, string(m.Role), stamp(m.Organization.CreatedAt)}
}

// memberAnswer is the GraphQL type OrganizationMember.
type memberAnswer struct {
	UserID   string  `json:"userId"`
	Name     string  `json:"name"`
	Email    *string `json:"email"` // null: the caller may not see it
	Role     string  `json:"role"`
	JoinedAt string  `json:"joinedAt"`
}

func memberOf(m login.Member) memberAnswer {
	return memberAnswer{m.UserID, m.Name, orNull(m.Email), string(m.Role), stamp(m.JoinedAt)}
}

// invitationAnswer is the GraphQL type OrganizationInvitation.
type invitationAnswer struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	Role      string `json:"role"`
	CreatedAt string `json:"createdAt"`
	ExpiresAt string `json:"expiresAt"`
}

func invitationOf(i login.Invitation) invitationAnswer {
	return invitationAnswer{i.ID, i.Email, string(i.Role), stamp(i.CreatedAt), stamp(i.ExpiresAt)}
}

// openInvitationAnswer is the GraphQL type OpenInvitation. The organisation is null in an
// invitation that is only to sign up.
type openInvitationAnswer struct {
	Email            string  `json:"email"`
	OrganizationID   *string `json:"organizationId"`
	OrganizationName *string `json:"organizationName"`
	Role             *string `json:"role"`
	ExpiresAt        string  `json:"expiresAt"`
	HasAccount       bool    `json:"hasAccount"`
}

func openInvitationOf(i login.OpenInvitation) openInvitationAnswer {
	return openInvitationAnswer{
		i.Email, orNull(i.Organization.ID), orNull(i.Organization.Name), orNull(string(i.Role)), stamp(i.ExpiresAt), i.HasAccount,
	}
}

// acceptedAnswer is the GraphQL type AcceptedInvitation.
type acceptedAnswer struct {
	OrganizationID   *string `json:"organizationId"`
	OrganizationName *string `json:"organizationName"`
	Role             *string `json:"role"`
}

func acceptedOf(i login.Invitation) acceptedAnswer {
	return acceptedAnswer{orNull(i.Organization.ID), orNull(i.Organization.Name), orNull(string(i.Role))}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
