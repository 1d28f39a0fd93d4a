package login

import "net/netip"

// Limit names what an attempt is counted for; package ratelimit knows how.
type Limit uint8

// The limits. A failure under LimitSignUp, LimitRefresh and LimitLink, which may be a
// search for addresses or tokens, counts twice.
const (
	LimitUnset          Limit = iota // no attempt passes
	LimitNone                        // nothing is proved that could be guessed
	LimitGuess                       // client and account; a success refunds the client's failures for that account
	LimitCode                        // client, and the account or its known device for each kind of code
	LimitKnown                       // the device, all devices of the account, all that the client knows
	LimitPasskey                     // client; a success gives back what it holds
	LimitSignUp                      // client
	LimitRefresh                     // client and session
	LimitLink                        // client
	LimitLinkRequest                 // client, and client and account together
	LimitOwnLinkRequest              // client, and account for all clients together
	LimitUnsolicited                 // the mailbox, for each kind of mail
	LimitMailSignIn                  // the mailbox of an account, or the known device that asks
	LimitStranger                    // an unverified mailbox, and all unverified ones together
	LimitInvite                      // client, and account for all clients together
	limits
)

// Limits is the number of limits, LimitUnset included.
const Limits = int(limits)

// AttemptsOn returns the attempts that the limits of an account (its normalised address)
// could refuse, from the given clients and from one of unknown address.
func AttemptsOn(account string, clients []netip.Addr) []Attempt {
	attempts := []Attempt{
		{Operation: OpSignIn, Account: account, DeviceID: "any"},
		{Operation: OpRequestEmailChange, Account: account, Recipient: "any"},
		{Operation: OpRequestElevationMail, Account: account},
		{Operation: OpInviteMember, Account: account},
		{Operation: OpRequestMailSignIn, Recipient: account, Unsolicited: MailSignInLink},
	}
	for _, addr := range append([]netip.Addr{{}}, clients...) {
		client := Client{Addr: addr}
		attempts = append(attempts,
			Attempt{Operation: OpSignIn, Account: account, Client: client},
			Attempt{Operation: OpSignInSecondFactor, Account: account, Client: client, Method: MethodTOTP},
			Attempt{Operation: OpSignInSecondFactor, Account: account, Client: client, Method: MethodRecoveryCode},
			Attempt{Operation: OpMailSignInCode, Account: account, Client: client, Method: MethodMail},
			Attempt{Operation: OpRequestPasswordReset, Account: account, Client: client},
		)
	}
	return attempts
}

// Limit returns the limit that counts the attempt.
func (a Attempt) Limit() Limit {
	p := PolicyOf(a.Operation)
	switch {
	case a.Unsolicited == MailSignInLink:
		return LimitMailSignIn
	case a.Unsolicited == MailSignInCode:
		return LimitStranger
	case a.Unsolicited != "":
		return LimitUnsolicited
	case a.Recipient != "":
		return p.Mail
	case a.Method == MethodPasskey:
		return p.Signed
	case a.Method != "" && a.Method != MethodPassword:
		return p.Code
	case a.DeviceID != "":
		return p.Known
	}
	return p.Limit
}
