package login

import "slices"

// Some roles take a second factor (Rules.SecondFactorRoles). A session that has not
// proved one gets tokens without them, and all others work. It is decided for each
// token, so that it holds for sessions of before the setting, too, for a role that is
// given later, and once the last factor is removed.

// guarded tells whether the account has a role that takes a second factor.
func (s *Service) guarded(a Account) bool {
	return slices.ContainsFunc(a.Roles, s.takesSecondFactor)
}

func (s *Service) takesSecondFactor(role string) bool {
	return slices.Contains(s.rules.SecondFactorRoles, role)
}

// entitled is the account as this session's tokens may show it. The session itself must
// have proved a factor: one that somebody opened by the password alone gains nothing
// when the account's owner adds a factor elsewhere.
func (s *Service) entitled(a Account, session Session) (_ Account, withheld bool) {
	if !s.guarded(a) || len(a.Factors) > 0 && slices.Contains(session.AMR, amrMultiple) {
		return a, false
	}
	a.Roles = slices.DeleteFunc(slices.Clone(a.Roles), s.takesSecondFactor)
	return a, true
}
