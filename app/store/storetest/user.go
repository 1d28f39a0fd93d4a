package storetest

import (
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

var userTests = map[string]func(*kit){
	"ComesBackAsItWasCreated":                 createdUserComesBack,
	"IsCreatedWithItsFirstSession":            createdWithSession,
	"AddressInUseIsTaken":                     emailTaken,
	"UnknownIsNotFound":                       unknownUser,
	"EmailRuleIsTheDomains":                   emailRule,
	"NameRuleIsTheDomains":                    nameRule,
	"ListIsPagedByEmail":                      listPages,
	"ListTakesWildcardsLiterally":             listFilter,
	"RenamedHasItsNewNameAndNothingElse":      renameUser,
	"DeletionTakesAllAlong":                   deleteUser,
	"DeletionComparesTheSessionVersion":       deleteComparesSessionVersion,
	"AddressIsFreeAfterDeletion":              deletedAddressIsFree,
	"FailedCreationLeavesNothingOfTheSession": failedCreation,
}

func createdUserComesBack(k *kit) {
	ua := k.newUserAccount("a+b@example.org")
	ua.User.UpdatedAt = k.now.Add(time.Second)
	ua.Account.Roles = []string{"user", "editor"}
	ua.Account.DefaultRole = "editor"
	ua.Account.Claims = map[string]string{"x-hasura-org": "7", "x-hasura-quote": `"'\`}
	ua.Account.SessionVersion, ua.Account.PasswordVersion = 4, 4
	ua.Account.Unopened = true
	ua.Account.EmailVerifiedAt = k.now.Add(-time.Hour)
	ua.Account.DisabledAt = k.now.Add(-time.Minute)
	k.ok(k.store.CreateUser(k.ctx, ua, nil))

	want := ua
	want.User.CreatedAt, want.User.UpdatedAt = stored(ua.User.CreatedAt), stored(ua.User.UpdatedAt)
	want.Account.EmailVerifiedAt, want.Account.DisabledAt = stored(ua.Account.EmailVerifiedAt), stored(ua.Account.DisabledAt)
	byEmail, err := k.store.UserAccountByEmail(k.ctx, "a+b@example.org")
	k.ok(err)
	k.equal("by e-mail", want, byEmail)
	byID, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.equal("by id", want, byID)
	capitals, err := k.store.UserAccountByID(k.ctx, strings.ToUpper(ua.User.ID))
	k.ok(err)
	k.equal("by id in capitals", want, capitals)
}

func createdWithSession(k *kit) {
	ua := k.newUserAccount("ann@example.org")
	n := k.newSession(ua)
	k.ok(k.store.CreateUser(k.ctx, ua, &n))
	if got := k.alive(ua); got != 1 {
		k.Fatalf("%d live sessions, want 1", got)
	}
	k.rotate(n.Token)
}

func emailTaken(k *kit) {
	first := k.user("ann@example.org")
	second := k.newUserAccount("ann@example.org")
	k.is(k.store.CreateUser(k.ctx, second, nil), login.ErrEmailTaken)
	got, err := k.store.UserAccountByEmail(k.ctx, "ann@example.org")
	k.ok(err)
	k.equal("owner of the address", first.User.ID, got.User.ID)
}

func unknownUser(k *kit) {
	k.user("ann@example.org")
	for _, email := range []string{"", "bob@example.org", "ANN@example.org", "ann@example.org\x00", "ann@example.org\xff", "%"} {
		_, err := k.store.UserAccountByEmail(k.ctx, email)
		k.is(err, login.ErrNotFound)
	}
	for _, id := range []string{"", "1", "no-uuid", uuid.NewString()} {
		_, err := k.store.UserAccountByID(k.ctx, id)
		k.is(err, login.ErrNotFound)
		k.is(k.store.DeleteUser(k.ctx, id, -1), login.ErrNotFound)
		k.is(k.store.RenameUser(k.ctx, id, "Bob"), login.ErrNotFound)
		k.is(k.store.UpdateAccount(k.ctx, id, login.AccountChange{EndSessions: true}, k.now), login.ErrNotFound)
		k.is(k.store.EndAllSessions(k.ctx, id, k.now), login.ErrNotFound)
		sessions, err := k.store.LiveSessions(k.ctx, id, k.now)
		k.ok(err)
		k.equal("sessions of nobody", 0, len(sessions))
	}
}

// emailRule compares the check in the database with the rule in Go: the database must
// accept every address that Go accepts, and refuse every form that Go never produces.
func emailRule(k *kit) {
	local := strings.Repeat("a", 64)
	longest := local + "@" + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 254-64-1-64-64-4) + ".org"
	good := []string{
		"ann@example.org", "a+b@example.org", "a@b.c", "o'neil@example.org", "!#$%&'*+-/=?^_`{|}~@b.c", "ü@xn--mller-kva.example",
		"用户@xn--fsqu00a.xn--55qx5d", "a_b%c@example.org", "ß@example.org", "a@b--c.example", "a@1.2.example", "a@0x.example", "a@example.0xz", longest,
		strings.Repeat("ü", 32) + "@example.org",
	}
	bad := []string{
		"", "ann", "@", "@example.org", "ann@", "ann@example", "ann@.org", "ann@org.", "ann@.", "a@@example.org", "a@b@example.org",
		"Ann@example.org", "ann@example.Org", "ann @example.org", " ann@example.org", "ann@example.org ", "ann@exam ple.org",
		"a" + longest, longest + "x", strings.Repeat("ü", 33) + "@example.org", "ü@müller.example", "a@☕.example", "a@b..c", "a@-.-", "a..b@example.org",
		".a@example.org", "a.@example.org", "a@-b.example", "a@b-.example", "a@b_c.example", "a@[192.0.2.1]", `"quoted"@example.org`, `a\b@example.org`,
		"a[b@example.org", "a]b@example.org", "a<b@example.org", "a(b@example.org",
	}
	for _, r := range "\u0001\t\n\r\u001f\u0020\u007f\u0080\u0085\u009f\u00a0\u1680\u2000\u2005\u200a\u2028\u2029\u202f\u205f\u3000" +
		"\u00ad\u034f\u061c\u115f\u180e\u200b\u200d\u202e\u2060\u2800\ue000\ufe0f\ufeff\ufffd\U000e0041\U000e0100\U000f0000" {
		bad = append(bad, "a"+string(r)+"b@example.org", "ab@example"+string(r)+".org")
	}
	for _, r := range "\u00a1\u167f\u1681\u1fd6\u2027\u2030\u205e\u3001\U0001f600" {
		good = append(good, "a"+string(r)+"b@example.org")
	}
	for _, address := range good {
		if normal, err := login.NormalizeEmail(address); err != nil || normal != address {
			k.Errorf("good address %q: NormalizeEmail gives %q, %v", address, normal, err)
		}
		if err := k.store.CreateUser(k.ctx, k.newUserAccount(address), nil); err != nil {
			k.Errorf("good address %q: %v", address, err)
		}
	}
	for _, address := range bad {
		if err := k.store.CreateUser(k.ctx, k.newUserAccount(address), nil); !isDefect(err) {
			k.Errorf("bad address %q: %v, want the check's refusal", address, err)
		}
		if normal, err := login.NormalizeEmail(address); err == nil && normal == address {
			k.Errorf("bad address %q passes NormalizeEmail", address)
		}
	}
}

func nameRule(k *kit) {
	good := []string{"A", "Ann Example", "Zoë", "名", " ", strings.Repeat("ü", 200), "\u00a0", "Ann 😀"}
	bad := []string{
		"", strings.Repeat("ü", 201), "a\u0001b", "a\nb", "a\u001fb", "a\u007fb", "a\u0085b", "a\u009fb",
		"a\u00adb", "a\u200bb", "a\u200db", "a\u202eb", "a\u2800b", "a\ue000b", "a\ufe0fb", "a\ufffdb", "a\U000e0041b",
	}
	for i, name := range append(good, bad...) {
		ua := k.newUserAccount(email(i))
		ua.User.Name = name
		err := k.store.CreateUser(k.ctx, ua, nil)
		if i < len(good) && err != nil {
			k.Errorf("good name %q: %v", name, err)
		}
		if i >= len(good) && !isDefect(err) {
			k.Errorf("bad name %q: %v, want the check's refusal", name, err)
		}
	}
}

// isDefect tells an error of the caller from every outcome that has a meaning.
func isDefect(err error) bool {
	for _, known := range []error{
		nil, login.ErrNotFound, login.ErrEmailTaken, login.ErrStale,
		login.ErrTokenUnknown, login.ErrTokenReused, login.ErrUnavailable,
	} {
		if errors.Is(err, known) {
			return false
		}
	}
	return true
}

func listPages(k *kit) {
	for _, i := range []int{3, 0, 4, 1, 2} {
		k.user(email(i))
	}
	var pages [][]string
	after := ""
	for {
		page, err := k.store.ListUsers(k.ctx, login.UserFilter{AfterEmail: after, Limit: 2})
		k.ok(err)
		if len(page) == 0 {
			break
		}
		pages = append(pages, emails(page))
		after = page[len(page)-1].User.Email
	}
	k.equal("pages", [][]string{{email(0), email(1)}, {email(2), email(3)}, {email(4)}}, pages)
	none, err := k.store.ListUsers(k.ctx, login.UserFilter{})
	k.ok(err)
	k.equal("users of a page of none", 0, len(none))
}

func listFilter(k *kit) {
	for _, address := range []string{"a%b@example.org", "a_b@example.org", "axb@example.org", "bob@example.net"} {
		k.user(address)
	}
	for filter, want := range map[string][]string{
		"%": {"a%b@example.org"}, "_": {"a_b@example.org"}, `\`: nil, "*": nil, "?": nil, "[a-z]": nil, "'": nil, "\x00": nil,
		"b@example.n": {"bob@example.net"}, "bob@example.n": {"bob@example.net"}, "bob@example.o": nil, ".net": {"bob@example.net"}, "B": nil,
	} {
		page, err := k.store.ListUsers(k.ctx, login.UserFilter{EmailContains: []string{filter}, Limit: 10})
		k.ok(err)
		k.equal("users with "+filter, want, emails(page))
	}
	page, err := k.store.ListUsers(k.ctx, login.UserFilter{EmailContains: []string{"xb@", "\x00", ".net"}, Limit: 10})
	k.ok(err)
	k.equal("users with one of several", []string{"axb@example.org", "bob@example.net"}, emails(page))
}

func emails(holders []login.UserAccount) []string {
	var list []string
	for _, ua := range holders {
		list = append(list, ua.User.Email)
	}
	return list
}

func renameUser(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	k.session(ua)
	k.ok(k.store.RenameUser(k.ctx, ua.User.ID, "Anna 😀"))
	if k.store.RenameUser(k.ctx, ua.User.ID, "a\u202eb") == nil {
		k.Error("a hidden character is accepted")
	}
	got, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	if got.User.Name != "Anna 😀" || !got.User.UpdatedAt.After(stored(ua.User.UpdatedAt)) {
		k.Errorf("the user is %+v", got.User)
	}
	k.equal("the account", ua.Account, got.Account)
	k.equal("live sessions", 1, k.alive(ua))
	same, err := k.store.UserAccountByID(k.ctx, other.User.ID)
	k.ok(err)
	k.equal("another's name", other.User.Name, same.User.Name)
}

func deleteUser(k *kit) {
	gone, stays := k.user("gone@example.org"), k.user("stays@example.org")
	lost, kept := k.session(gone), k.session(stays)
	child := k.rotate(lost.Token)
	k.ok(k.store.DeleteUser(k.ctx, gone.User.ID, -1))

	_, err := k.store.UserAccountByID(k.ctx, gone.User.ID)
	k.is(err, login.ErrNotFound)
	_, _, err = k.store.SessionUserAccount(k.ctx, lost.Session.ID, k.now)
	k.is(err, login.ErrNotFound)
	k.refused(lost.Token, login.ErrTokenUnknown)
	k.refused(child, login.ErrTokenUnknown)
	k.is(k.store.CreateSession(k.ctx, k.newSession(gone)), login.ErrStale)
	k.is(k.store.DeleteUser(k.ctx, gone.User.ID, -1), login.ErrNotFound)
	k.rotate(kept.Token)
}

func deleteComparesSessionVersion(k *kit) {
	ua := k.user("ann@example.org")
	k.ok(k.store.EndAllSessions(k.ctx, ua.User.ID, k.now))
	k.is(k.store.DeleteUser(k.ctx, ua.User.ID, ua.Account.SessionVersion), login.ErrStale)
	_, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.ok(k.store.DeleteUser(k.ctx, ua.User.ID, ua.Account.SessionVersion+1))
	_, err = k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.is(err, login.ErrNotFound)
}

func deletedAddressIsFree(k *kit) {
	ua := k.user("ann@example.org")
	k.ok(k.store.DeleteUser(k.ctx, ua.User.ID, 1))
	k.user("ann@example.org")
}

func failedCreation(k *kit) {
	k.user("ann@example.org")
	ua := k.newUserAccount("ann@example.org")
	n := k.newSession(ua)
	k.is(k.store.CreateUser(k.ctx, ua, &n), login.ErrEmailTaken)
	k.refused(n.Token, login.ErrTokenUnknown)
	ua.User.Email = "bob@example.org"
	k.ok(k.store.CreateUser(k.ctx, ua, &n)) // nothing of the first try is in the way
}
