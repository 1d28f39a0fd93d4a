package login

import "strconv"

// accountVersion is what device tokens are bound to. It changes with the password, and
// it differs for another account with the same address. In both cases a device that was
// known before is unknown.
func accountVersion(ua UserAccount) string {
	return ua.User.ID + "/" + strconv.Itoa(ua.Account.PasswordVersion)
}

// deviceToken makes the token of a known device. A remembered device needs no second
// factor until its token expires.
func (s *Service) deviceToken(ua UserAccount, remember bool) string {
	if remember && s.rules.RememberDevice > 0 {
		return s.Devices.Issue(ua.User.Email, rememberedVersionOf(ua), s.Now().Add(s.rules.RememberDevice))
	}
	return s.Devices.Issue(ua.User.Email, accountVersion(ua), s.Now().Add(DeviceLifetime))
}

func rememberedVersionOf(ua UserAccount) string {
	return accountVersion(ua) + "/second-factor"
}

// knownDevice returns the id of the device that a token names, or nothing if the account
// of the address does not know it.
func (s *Service) knownDevice(ua UserAccount, email, token string) string {
	if token == "" {
		return ""
	}
	device := s.Devices.Check(email, token, s.Now())
	if device == "" || !s.knows(device, ua) {
		return ""
	}
	return device
}

// knows reports whether a device's token is of the account in its present version.
func (s *Service) knows(device string, ua UserAccount) bool {
	return s.remembers(device, ua) || s.Devices.IssuedFor(device, accountVersion(ua))
}

// remembers reports whether a known device needs no second factor for a while.
func (s *Service) remembers(device string, ua UserAccount) bool {
	return device != "" && s.Devices.IssuedFor(device, rememberedVersionOf(ua))
}

// asksForFactor reports whether a sign-in must prove a second factor: the account has one,
// and the device does not stand in for it. No device does for a role that takes one.
func (s *Service) asksForFactor(ua UserAccount, remembered bool) bool {
	return len(ua.Account.Factors) > 0 && (!remembered || s.guarded(ua.Account))
}
