package login

import "slices"

// Some roles take a second factor (Rules.SecondFactorRoles). A session that has not
// proved one gets tokens without these roles; its other roles work. Login decides this
// for each token, so that it also holds for sessions that are older than the setting, for
// a role that is given later, and once the last factor is removed.

// guarded reports whether the account has a role that takes a second factor.
func (s *Service) guarded(a Account) bool {
	return slices.ContainsFunc(a.Roles, s.takesSecondFactor)
}

func (s *Service) takesSecondFactor(role string) bool {
	return slices.Contains(s.rules.SecondFactorRoles, role)
}

// entitled is the account as this session's tokens may show it. The session itself must
// have proved a factor: a session that was opened with only the password gains nothing
// when the account's owner adds a factor in another one.
func (s *Service) entitled(a Account, session Session) (_ Account, withheld bool) {
	if !s.guarded(a) || len(a.Factors) > 0 && slices.Contains(session.AMR, amrMultiple) {
		return a, false
	}
	a.Roles = slices.DeleteFunc(slices.Clone(a.Roles), s.takesSecondFactor)
	return a, true
}
