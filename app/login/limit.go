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
	var attempts []Attempt
	for _, addr := range append([]netip.Addr{{}}, clients...) {
		for _, reach := range reaching {
			if reach != nil {
				attempts = append(attempts, reach(account, Client{Addr: addr})...)
			}
		}
	}
	return attempts
}

// reaching has a row for each limit: attempts by which a client reaches all that the limit
// counts for an account.
var reaching = [limits]func(account string, c Client) []Attempt{
	LimitNone: ofNoAccount,
	LimitGuess: func(account string, c Client) []Attempt {
		return []Attempt{{Operation: OpSignIn, Client: c, Account: account}}
	},
	LimitCode: func(account string, c Client) []Attempt {
		return []Attempt{
			{Operation: OpSignInSecondFactor, Client: c, Account: account, Method: MethodTOTP},
			{Operation: OpSignInSecondFactor, Client: c, Account: account, Method: MethodRecoveryCode},
			{Operation: OpMailSignInCode, Client: c, Account: account, Method: MethodMail},
		}
	},
	LimitKnown: func(account string, c Client) []Attempt {
		return []Attempt{{Operation: OpSignIn, Client: c, Account: account, DeviceID: "any"}}
	},
	LimitPasskey: ofNoAccount,
	LimitSignUp:  ofNoAccount,
	LimitRefresh: ofNoAccount,
	LimitLink:    ofNoAccount,
	LimitLinkRequest: func(account string, c Client) []Attempt {
		return []Attempt{{Operation: OpRequestPasswordReset, Client: c, Account: account}}
	},
	LimitOwnLinkRequest: func(account string, c Client) []Attempt {
		return []Attempt{{Operation: OpRequestEmailChange, Client: c, Account: account, Recipient: "any"}}
	},
	LimitUnsolicited: func(account string, c Client) (attempts []Attempt) {
		for _, kind := range MailKinds() {
			if a := (Attempt{Client: c, Recipient: account, Unsolicited: kind}); a.Limit() == LimitUnsolicited {
				attempts = append(attempts, a)
			}
		}
		return attempts
	},
	LimitMailSignIn: func(account string, c Client) []Attempt {
		return []Attempt{{Operation: OpRequestMailSignIn, Client: c, Recipient: account, Unsolicited: MailSignInLink}}
	},
	LimitStranger: func(account string, c Client) []Attempt {
		return []Attempt{{Operation: OpRequestMailSignIn, Client: c, Recipient: account, Unsolicited: MailSignInCode}}
	},
	LimitInvite: func(account string, c Client) []Attempt {
		return []Attempt{{Operation: OpInviteMember, Client: c, Account: account}}
	},
}

// ofNoAccount is the row of a limit that counts nothing for an account.
func ofNoAccount(string, Client) []Attempt { return nil }

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
