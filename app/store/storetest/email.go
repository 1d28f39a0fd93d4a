package storetest

import (
	"github.com/google/uuid"

	"hasura-login/app/login"
)

var emailTests = map[string]func(*kit){
	"EveryAddressIsListedOnce":                        listEmails,
	"RespellingKeepsWhatIsKnownAndVoidsLinks":         respellEmail,
	"RespellingIsRefusedWhereTheFormOrTheUserIsTaken": respellRefused,
}

func (k *kit) emails() login.EmailStore { return part[login.EmailStore](k) }

func listEmails(k *kit) {
	want := map[string]string{}
	for i := range 5 {
		ua := k.user(email(i))
		want[ua.User.ID] = ua.User.Email
	}
	got := map[string]string{}
	for after := ""; ; {
		users, err := k.emails().ListEmails(k.ctx, after, 2)
		k.ok(err)
		for _, u := range users {
			if u.ID <= after {
				k.Fatalf("%s comes after %s", u.ID, after)
			}
			got[u.ID], after = u.Email, u.ID
		}
		if len(users) < 2 {
			break
		}
	}
	k.equal("addresses", want, got)
}

func respellEmail(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	session := k.session(ua)
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{EmailVerified: true}, k.now))
	link, theirs := k.newMailToken(ua), k.newMailToken(other)
	k.ok(k.mail().AddMailToken(k.ctx, link))
	k.ok(k.mail().AddMailToken(k.ctx, theirs))
	k.ok(k.emails().RespellEmail(k.ctx, ua.User.ID, "ann@example.org", "ann@example.net"))
	got := k.userAccount(ua)
	k.equal("address", "ann@example.net", got.User.Email)
	k.equal("verified", stored(k.now), got.Account.EmailVerifiedAt)
	k.tokenIs(link, login.ErrTokenUnknown)
	k.tokenIs(theirs, nil)
	k.rotate(session.Token)
}

func respellRefused(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	k.is(k.emails().RespellEmail(k.ctx, ua.User.ID, ua.User.Email, other.User.Email), login.ErrEmailTaken)
	k.is(k.emails().RespellEmail(k.ctx, ua.User.ID, "former@example.org", "new@example.org"), login.ErrStale)
	k.is(k.emails().RespellEmail(k.ctx, uuid.NewString(), ua.User.Email, "new@example.org"), login.ErrStale)
	k.is(k.emails().RespellEmail(k.ctx, "no-uuid", ua.User.Email, "new@example.org"), login.ErrStale)
	k.equal("address", ua.User.Email, k.userAccount(ua).User.Email)
}
