package throttle

import (
	"net/netip"
	"time"

	"hasura-login/app/login"
)

// counting says how each limit of login's policies is counted. One without a row lets
// nothing pass.
var counting = [login.Limits]struct {
	charges       func(t *Throttle, list []charge, a login.Attempt, now time.Time) []charge
	failuresTwice bool // what may be a search for addresses or tokens
}{
	login.LimitNone:  {charges: func(_ *Throttle, list []charge, _ login.Attempt, _ time.Time) []charge { return list }},
	login.LimitGuess: {charges: (*Throttle).passwordCharges},
	login.LimitKnown: {charges: (*Throttle).knownCharges},
	login.LimitCode:  {charges: (*Throttle).codeCharges},
	login.LimitSignUp: {failuresTwice: true, charges: func(t *Throttle, list []charge, a login.Attempt, now time.Time) []charge {
		return t.clientCharges(list, limitSignUp, t.limits.SignUpClient, a, now)
	}},
	login.LimitRefresh: {failuresTwice: true, charges: (*Throttle).refreshCharges},
	login.LimitLink: {failuresTwice: true, charges: func(t *Throttle, list []charge, a login.Attempt, now time.Time) []charge {
		return t.clientCharges(list, limitSpend, t.limits.ResetClient, a, now)
	}},
	login.LimitLinkRequest: {charges: func(t *Throttle, list []charge, a login.Attempt, now time.Time) []charge {
		return t.linkRequestCharges(list, rangeOf(a.Client.Addr, classesOf(a.Client.Addr)[0]), a, now)
	}},
	// The password is proved then, and who asks is the account.
	login.LimitOwnLinkRequest: {charges: func(t *Throttle, list []charge, a login.Attempt, now time.Time) []charge {
		return t.linkRequestCharges(list, noRange, a, now)
	}},
	login.LimitUnsolicited: {charges: func(t *Throttle, list []charge, a login.Attempt, now time.Time) []charge {
		id := t.keys.id(kindAccount, limitUnasked, noRange, a.Recipient, string(a.Unasked))
		return appendRates(list, id, kindAccount, t.limits.ResetAccount, 1, now)
	}},
}

// clientCharges counts for the client and the wider classes of its address.
func (t *Throttle) clientCharges(list []charge, name limitName, limit Limit, a login.Attempt, now time.Time) []charge {
	if len(limit) == 0 {
		return list
	}
	for _, c := range classesOf(a.Client.Addr) {
		id := t.keys.id(c.kind, name, rangeOf(a.Client.Addr, c), "", "")
		list = appendRates(list, id, c.kind, limit, c.multiple, now)
	}
	return list
}

// passwordCharges counts a password: each account has one count of those.
func (t *Throttle) passwordCharges(list []charge, a login.Attempt, now time.Time) []charge {
	a.Method = ""
	return t.proofCharges(list, limitSignIn, t.limits.SignInAccount, t.held, a, now)
}

// codeCharges counts a code of a second factor. A known device, or a live session,
// has a count of its own: whoever has the password alone does not use it up.
func (t *Throttle) codeCharges(list []charge, a login.Attempt, now time.Time) []charge {
	if a.DeviceID != "" {
		list = t.clientCharges(list, limitDevice, t.limits.DeviceClient, a, now)
		id := t.keys.id(kindDevice, limitCode, noRange, a.Account, string(a.Method)+"/"+a.DeviceID)
		return appendRates(list, id, kindDevice, codeLimit, 1, now)
	}
	return t.proofCharges(list, limitCode, codeLimit, t.heldCodes, a, now)
}

// proofCharges counts for the client and, for each method, the account, and notes
// what the client holds of the account's count.
func (t *Throttle) proofCharges(list []charge, name limitName, limit Limit, held []time.Duration, a login.Attempt, now time.Time) []charge {
	list = t.clientCharges(list, limitSignIn, t.limits.SignInClient, a, now)
	account := t.keys.id(kindAccount, name, noRange, a.Account, string(a.Method))
	list = appendRates(list, account, kindAccount, limit, 1, now)
	client := rangeOf(a.Client.Addr, classesOf(a.Client.Addr)[0])
	pair := t.keys.id(kindPair, name, client, a.Account, string(a.Method))
	for _, period := range held {
		list = append(list, newCharge(pair, kindPair, 1, 0, period, now))
	}
	return list
}

// knownCharges counts for a known device, and for what its client asks with any
// known device. Known devices go first when passwords are hashed, and devices that
// are known to accounts of one's own are cheap. That count is not the one that
// strangers of the same address use up, and nothing is given back.
func (t *Throttle) knownCharges(list []charge, a login.Attempt, now time.Time) []charge {
	list = t.deviceCharges(list, a, now)
	return t.clientCharges(list, limitDevice, t.limits.DeviceClient, a, now)
}

// deviceCharges counts for the device. Its failures have the numbers of an
// account. Its attempts, with the numbers of a client, stay counted for all devices
// of the account together: someone signing in to an account of his own over and
// over must not take the place of all others.
func (t *Throttle) deviceCharges(list []charge, a login.Attempt, now time.Time) []charge {
	device := t.keys.id(kindDevice, limitSignIn, noRange, a.Account, a.DeviceID)
	list = appendRates(list, device, kindDevice, t.limits.SignInAccount, 1, now)
	devices := t.keys.id(kindDevices, limitSignIn, noRange, a.Account, "")
	return appendRates(list, devices, kindDevices, t.limits.SignInClient, 1, now)
}

func appendRates(list []charge, id counterID, k kind, limit Limit, multiple int64, now time.Time) []charge {
	for _, rate := range limit {
		list = append(list, newCharge(id, k, 1, rate.Limit*multiple, rate.Period, now))
	}
	return list
}

// refreshCharges counts for the client and, if the token names one, the session.
func (t *Throttle) refreshCharges(list []charge, a login.Attempt, now time.Time) []charge {
	list = t.clientCharges(list, limitRefresh, t.limits.RefreshClient, a, now)
	if a.Family == "" {
		return list
	}
	id := t.keys.id(kindSession, limitRefresh, noRange, a.Family, "")
	return appendRates(list, id, kindSession, t.limits.RefreshSession, 1, now)
}

// linkRequestCharges counts for the client, and for the asker and the account
// together: what strangers ask for an account must not keep its owner from asking.
// How many mails go to one address is limited elsewhere, without a refusal.
func (t *Throttle) linkRequestCharges(list []charge, asker netip.Prefix, a login.Attempt, now time.Time) []charge {
	list = t.clientCharges(list, limitReset, t.limits.ResetClient, a, now)
	id := t.keys.id(kindAccount, limitReset, asker, a.Account, "")
	return appendRates(list, id, kindAccount, t.limits.ResetAccount, 1, now)
}
