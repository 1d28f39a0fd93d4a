package throttle

import (
	"net/netip"
	"time"

	"hasura-login/app/login"
)

// counting says how each limit of login's policies is counted. One without a row lets
// nothing pass.
var counting = [login.Limits]struct {
	hits          func(t *Throttle, list []hit, a login.Attempt, now time.Time) []hit
	failuresTwice bool // what may be a search for addresses or tokens
}{
	login.LimitNone:  {hits: func(_ *Throttle, list []hit, _ login.Attempt, _ time.Time) []hit { return list }},
	login.LimitGuess: {hits: (*Throttle).passwordHits},
	login.LimitKnown: {hits: (*Throttle).knownHits},
	login.LimitCode:  {hits: (*Throttle).codeHits},
	login.LimitSignUp: {failuresTwice: true, hits: func(t *Throttle, list []hit, a login.Attempt, now time.Time) []hit {
		return t.clientHits(list, limitSignUp, t.limits.SignUpClient, a, now)
	}},
	login.LimitRefresh: {failuresTwice: true, hits: (*Throttle).refreshHits},
	login.LimitLink: {failuresTwice: true, hits: func(t *Throttle, list []hit, a login.Attempt, now time.Time) []hit {
		return t.clientHits(list, limitSpend, t.limits.ResetClient, a, now)
	}},
	login.LimitLinkRequest: {hits: func(t *Throttle, list []hit, a login.Attempt, now time.Time) []hit {
		return t.linkRequestHits(list, rangeOf(a.Client.Addr, tiersOf(a.Client.Addr)[0]), a, now)
	}},
	// The password is proved then, and who asks is the account.
	login.LimitOwnLinkRequest: {hits: func(t *Throttle, list []hit, a login.Attempt, now time.Time) []hit {
		return t.linkRequestHits(list, noRange, a, now)
	}},
	login.LimitUnsolicited: {hits: func(t *Throttle, list []hit, a login.Attempt, now time.Time) []hit {
		id := t.keys.id(kindAccount, limitUnasked, noRange, a.Recipient, string(a.Unasked))
		return appendRates(list, id, kindAccount, t.limits.ResetAccount, 1, now)
	}},
}

// clientHits counts for the client and the wider tiers of its address.
func (t *Throttle) clientHits(list []hit, name limitName, limit Limit, a login.Attempt, now time.Time) []hit {
	if len(limit) == 0 {
		return list
	}
	for _, c := range tiersOf(a.Client.Addr) {
		id := t.keys.id(c.kind, name, rangeOf(a.Client.Addr, c), "", "")
		list = appendRates(list, id, c.kind, limit, c.multiple, now)
	}
	return list
}

// passwordHits counts a password: each account has one count of those.
func (t *Throttle) passwordHits(list []hit, a login.Attempt, now time.Time) []hit {
	a.Method = ""
	return t.proofHits(list, limitSignIn, t.limits.SignInAccount, t.held, a, now)
}

// codeHits counts a code of a second factor. A known device, or a live session,
// has a count of its own: whoever has the password alone does not use it up.
func (t *Throttle) codeHits(list []hit, a login.Attempt, now time.Time) []hit {
	if a.DeviceID == "" {
		return t.strangersCodeHits(list, a, now)
	}
	return t.clientHits(t.devicesCodeHits(list, a, now), limitDevice, t.limits.DeviceClient, a, now)
}

func (t *Throttle) devicesCodeHits(list []hit, a login.Attempt, now time.Time) []hit {
	id := t.keys.id(kindDevice, limitCode, noRange, a.Account, string(a.Method)+"/"+a.DeviceID)
	return appendRates(list, id, kindDevice, codeLimit, 1, now)
}

func (t *Throttle) strangersCodeHits(list []hit, a login.Attempt, now time.Time) []hit {
	return t.proofHits(list, limitCode, codeLimit, t.heldCodes, a, now)
}

// crowdedHits counts a known device beyond what its client may ask with those: for
// the device as before, and as a stranger.
func (t *Throttle) crowdedHits(list []hit, limit login.Limit, a login.Attempt, now time.Time) []hit {
	if limit == login.LimitCode {
		return t.strangersCodeHits(t.devicesCodeHits(list, a, now), a, now)
	}
	return t.passwordHits(t.deviceHits(list, a, now), a, now)
}

// proofHits counts for the client and, for each method, the account, and notes
// what the client holds of the account's count.
func (t *Throttle) proofHits(list []hit, name limitName, limit Limit, held []time.Duration, a login.Attempt, now time.Time) []hit {
	list = t.clientHits(list, limitSignIn, t.limits.SignInClient, a, now)
	account := t.keys.id(kindAccount, name, noRange, a.Account, string(a.Method))
	list = appendRates(list, account, kindAccount, limit, 1, now)
	client := rangeOf(a.Client.Addr, tiersOf(a.Client.Addr)[0])
	pair := t.keys.id(kindPair, name, client, a.Account, string(a.Method))
	for _, period := range held {
		list = append(list, newHit(pair, kindPair, 1, 0, period, now))
	}
	return list
}

// knownHits counts for a known device, and for what its client asks with any
// known device. Known devices go first when passwords are hashed, and devices that
// are known to accounts of one's own are cheap. That count is not the one that
// strangers of the same address use up, and nothing is given back.
func (t *Throttle) knownHits(list []hit, a login.Attempt, now time.Time) []hit {
	list = t.deviceHits(list, a, now)
	return t.clientHits(list, limitDevice, t.limits.DeviceClient, a, now)
}

// deviceHits counts for the device. Its failures have the numbers of an
// account. Its attempts, with the numbers of a client, stay counted for all devices
// of the account together: someone signing in to an account of his own over and
// over must not take the place of all others.
func (t *Throttle) deviceHits(list []hit, a login.Attempt, now time.Time) []hit {
	device := t.keys.id(kindDevice, limitSignIn, noRange, a.Account, a.DeviceID)
	list = appendRates(list, device, kindDevice, t.limits.SignInAccount, 1, now)
	devices := t.keys.id(kindDevices, limitSignIn, noRange, a.Account, "")
	return appendRates(list, devices, kindDevices, t.limits.SignInClient, 1, now)
}

func appendRates(list []hit, id counterID, k kind, limit Limit, multiple int64, now time.Time) []hit {
	for _, rate := range limit {
		list = append(list, newHit(id, k, 1, rate.Limit*multiple, rate.Period, now))
	}
	return list
}

// refreshHits counts for the client and, if the token names one, the session.
func (t *Throttle) refreshHits(list []hit, a login.Attempt, now time.Time) []hit {
	list = t.clientHits(list, limitRefresh, t.limits.RefreshClient, a, now)
	if a.Family == "" {
		return list
	}
	id := t.keys.id(kindSession, limitRefresh, noRange, a.Family, "")
	return appendRates(list, id, kindSession, t.limits.RefreshSession, 1, now)
}

// linkRequestHits counts for the client, and for the asker and the account
// together: what strangers ask for an account must not keep its owner from asking.
// How many mails go to one address is limited elsewhere, without a refusal.
func (t *Throttle) linkRequestHits(list []hit, asker netip.Prefix, a login.Attempt, now time.Time) []hit {
	list = t.clientHits(list, limitReset, t.limits.ResetClient, a, now)
	id := t.keys.id(kindAccount, limitReset, asker, a.Account, "")
	return appendRates(list, id, kindAccount, t.limits.ResetAccount, 1, now)
}
