package ratelimit

import (
	"net/netip"
	"time"

	"hasura-login/app/login"
)

// counting says how each limit of login's policies is counted. One without a row lets
// nothing pass.
var counting = [login.Limits]struct {
	hits          func(l *Limiter, list []hit, a login.Attempt, now time.Time) []hit
	failuresTwice bool // what may be a search for addresses or tokens
}{
	login.LimitNone:    {hits: func(_ *Limiter, list []hit, _ login.Attempt, _ time.Time) []hit { return list }},
	login.LimitGuess:   {hits: (*Limiter).passwordHits},
	login.LimitKnown:   {hits: (*Limiter).knownHits},
	login.LimitCode:    {hits: (*Limiter).codeHits},
	login.LimitPasskey: {hits: (*Limiter).passkeyHits},
	login.LimitSignUp: {failuresTwice: true, hits: func(l *Limiter, list []hit, a login.Attempt, now time.Time) []hit {
		return l.clientHits(list, limitSignUp, l.limits.SignUpClient, a, now)
	}},
	login.LimitRefresh: {failuresTwice: true, hits: (*Limiter).refreshHits},
	login.LimitLink: {failuresTwice: true, hits: func(l *Limiter, list []hit, a login.Attempt, now time.Time) []hit {
		return l.clientHits(list, limitSpend, l.limits.ResetClient, a, now)
	}},
	login.LimitLinkRequest: {hits: func(l *Limiter, list []hit, a login.Attempt, now time.Time) []hit {
		return l.linkRequestHits(list, rangeOf(a.Client.Addr, tiersOf(a.Client.Addr)[0]), a, now)
	}},
	// The password is proved by now, so the asker is the account.
	login.LimitOwnLinkRequest: {hits: func(l *Limiter, list []hit, a login.Attempt, now time.Time) []hit {
		return l.linkRequestHits(list, noRange, a, now)
	}},
	// A known device has its own count: a stranger who requests mails to an account
	// does not keep its owner from asking.
	login.LimitMailSignIn: {hits: func(l *Limiter, list []hit, a login.Attempt, now time.Time) []hit {
		kd := kindAccount
		if a.DeviceID != "" {
			kd = kindDevice
		}
		id := l.keys.id(kd, limitMailSignIn, noRange, a.Recipient, a.DeviceID)
		return appendRates(list, id, kd, mailSignInLimit, 1, now)
	}},
	login.LimitStranger: {hits: func(l *Limiter, list []hit, a login.Attempt, now time.Time) []hit {
		id := l.keys.id(kindAccount, limitUnsolicited, noRange, a.Recipient, string(a.Unsolicited))
		list = appendRates(list, id, kindAccount, l.limits.ResetAccount, 1, now)
		return appendRates(list, l.strangers(), kindAccount, l.limits.MailStrangers, 1, now)
	}},
	login.LimitInvite: {hits: func(l *Limiter, list []hit, a login.Attempt, now time.Time) []hit {
		list = l.clientHits(list, limitReset, l.limits.ResetClient, a, now)
		id := l.keys.id(kindAccount, limitInvite, noRange, a.Account, "")
		return appendRates(list, id, kindAccount, inviteLimit, 1, now)
	}},
	login.LimitUnsolicited: {hits: func(l *Limiter, list []hit, a login.Attempt, now time.Time) []hit {
		id := l.keys.id(kindAccount, limitUnsolicited, noRange, a.Recipient, string(a.Unsolicited))
		return appendRates(list, id, kindAccount, l.limits.ResetAccount, 1, now)
	}},
}

// strangers is the counter of all unverified mailboxes together.
func (l *Limiter) strangers() counterID {
	return l.keys.id(kindAccount, limitStrangers, noRange, "", "")
}

// clientHits counts for the client and the wider tiers of its address.
func (l *Limiter) clientHits(list []hit, name limitName, limit Limit, a login.Attempt, now time.Time) []hit {
	if len(limit) == 0 {
		return list
	}
	for _, c := range tiersOf(a.Client.Addr) {
		id := l.keys.id(c.kind, name, rangeOf(a.Client.Addr, c), "", "")
		list = appendRates(list, id, c.kind, limit, c.multiple, now)
	}
	return list
}

// passwordHits counts a password: each account has one count of those.
func (l *Limiter) passwordHits(list []hit, a login.Attempt, now time.Time) []hit {
	a.Method = ""
	return l.proofHits(list, limitSignIn, l.limits.SignInAccount, l.held, a, now)
}

// codeHits counts a code of a second factor. A known device, or a live session, has its
// own count, which a person with only the password cannot use up.
func (l *Limiter) codeHits(list []hit, a login.Attempt, now time.Time) []hit {
	if a.DeviceID == "" {
		return l.strangersCodeHits(list, a, now)
	}
	return l.clientHits(l.devicesCodeHits(list, a, now), limitDevice, l.limits.DeviceClient, a, now)
}

func (l *Limiter) devicesCodeHits(list []hit, a login.Attempt, now time.Time) []hit {
	id := l.keys.id(kindDevice, limitCode, noRange, a.Account, string(a.Method)+"/"+a.DeviceID)
	return appendRates(list, id, kindDevice, codeLimit, 1, now)
}

func (l *Limiter) strangersCodeHits(list []hit, a login.Attempt, now time.Time) []hit {
	return l.proofHits(list, limitCode, codeLimit, l.heldCodes, a, now)
}

// passkeyHits counts an authenticator's answer for the client, and notes what the
// client holds. No account has a count: nobody can guess a signature, so strangers
// must not be able to use up its owner's.
func (t *Limiter) passkeyHits(list []hit, a login.Attempt, now time.Time) []hit {
	list = t.clientHits(list, limitSignIn, t.limits.SignInClient, a, now)
	pair := t.keys.id(kindPair, limitPasskey, rangeOf(a.Client.Addr, tiersOf(a.Client.Addr)[0]), "", "")
	for _, rate := range t.limits.SignInClient {
		list = append(list, newHit(pair, kindPair, 1, 0, rate.Period, now))
	}
	return list
}

// crowdedHits counts a known device beyond what its client may ask with those: for
// the device as before, and as a stranger.
func (l *Limiter) crowdedHits(list []hit, limit login.Limit, a login.Attempt, now time.Time) []hit {
	if limit == login.LimitCode {
		return l.strangersCodeHits(l.devicesCodeHits(list, a, now), a, now)
	}
	return l.passwordHits(l.deviceHits(list, a, now), a, now)
}

// proofHits counts for the client and, for each method, the account, and notes the
// client's share of the account's count.
func (l *Limiter) proofHits(list []hit, name limitName, limit Limit, held []time.Duration, a login.Attempt, now time.Time) []hit {
	list = l.clientHits(list, limitSignIn, l.limits.SignInClient, a, now)
	account := l.keys.id(kindAccount, name, noRange, a.Account, string(a.Method))
	list = appendRates(list, account, kindAccount, limit, 1, now)
	client := rangeOf(a.Client.Addr, tiersOf(a.Client.Addr)[0])
	pair := l.keys.id(kindPair, name, client, a.Account, string(a.Method))
	for _, period := range held {
		list = append(list, newHit(pair, kindPair, 1, 0, period, now))
	}
	return list
}

// knownHits counts for a known device, and for all known devices of its client. Known
// devices go first when passwords are hashed, and an attacker can easily get devices
// that his own accounts know. This count is not the one that strangers of the same
// address use up, and it is never refunded.
func (l *Limiter) knownHits(list []hit, a login.Attempt, now time.Time) []hit {
	list = l.deviceHits(list, a, now)
	return l.clientHits(list, limitDevice, l.limits.DeviceClient, a, now)
}

// deviceHits counts for the device. Its failures have the numbers of an
// account. Its attempts, with the numbers of a client, stay counted for all devices
// of the account together: someone signing in to an account of his own over and
// over must not take the place of all others.
func (l *Limiter) deviceHits(list []hit, a login.Attempt, now time.Time) []hit {
	device := l.keys.id(kindDevice, limitSignIn, noRange, a.Account, a.DeviceID)
	list = appendRates(list, device, kindDevice, l.limits.SignInAccount, 1, now)
	devices := l.keys.id(kindDevices, limitSignIn, noRange, a.Account, "")
	return appendRates(list, devices, kindDevices, l.limits.SignInClient, 1, now)
}

func appendRates(list []hit, id counterID, k kind, limit Limit, multiple int64, now time.Time) []hit {
	for _, rate := range limit {
		list = append(list, newHit(id, k, 1, rate.Limit*multiple, rate.Period, now))
	}
	return list
}

// refreshHits counts for the client and, if the token names one, the session.
func (l *Limiter) refreshHits(list []hit, a login.Attempt, now time.Time) []hit {
	list = l.clientHits(list, limitRefresh, l.limits.RefreshClient, a, now)
	if a.Family == "" {
		return list
	}
	id := l.keys.id(kindSession, limitRefresh, noRange, a.Family, "")
	return appendRates(list, id, kindSession, l.limits.RefreshSession, 1, now)
}

// linkRequestHits counts for the client, and for the asker and the account
// together: what strangers ask for an account must not keep its owner from asking.
// How many mails go to one address is limited elsewhere, without a refusal.
func (l *Limiter) linkRequestHits(list []hit, asker netip.Prefix, a login.Attempt, now time.Time) []hit {
	list = l.clientHits(list, limitReset, l.limits.ResetClient, a, now)
	id := l.keys.id(kindAccount, limitReset, asker, a.Account, "")
	return appendRates(list, id, kindAccount, l.limits.ResetAccount, 1, now)
}
