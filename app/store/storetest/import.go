package storetest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"hasura-login/app/login"
)

var importTests = map[string]func(*kit){
	"AddsAccountsAsTheyAre": importAdds, "LeavesAccountsThatAreThere": importLeaves, "DryRunLeavesNothing": importDry,
	"TwoOfOneBatch": importTwice, "Identities": importIdentities, "Passkeys": importPasskeys, "ABadRowUndoesTheBatch": importBad, "HashesOfEachForm": importedHashes, "ALargeBatch": importLarge,
}

func (k *kit) imports() login.ImportStore { return part[login.ImportStore](k) }

func (k *kit) newAccount(email string) login.NewAccount {
	return login.NewAccount{UserAccount: k.newUserAccount(email), NamesID: true}
}

func (k *kit) imported(accounts ...login.NewAccount) []login.Imported {
	k.Helper()
	fates, err := k.imports().ImportUsers(k.ctx, accounts, false)
	k.ok(err)
	return fates
}

func importAdds(k *kit) {
	full := k.newAccount("ann@example.org")
	full.User.CreatedAt = k.now.Add(-365 * 24 * time.Hour)
	full.Account.Roles, full.Account.DefaultRole = []string{"editor", "user"}, "editor"
	full.Account.Claims = map[string]string{"x-hasura-org-id": "7"}
	full.Account.EmailVerifiedAt, full.Account.DisabledAt = k.now, k.now
	full.TOTP = []byte("sealed")
	plain := k.newAccount("bob@example.org")
	plain.Account.Password = ""
	k.equal("fates", []login.Imported{{UserID: full.User.ID}, {UserID: plain.User.ID}}, k.imported(full, plain))
	for _, a := range []login.NewAccount{full, plain} {
		got, err := k.store.UserAccountByID(k.ctx, a.User.ID)
		k.ok(err)
		want := a.UserAccount
		if a.TOTP != nil {
			want.Account.Factors = []login.Method{login.MethodTOTP}
		}
		diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b time.Time) bool { return stored(a).Equal(stored(b)) }))
		if diff != "" {
			k.Fatalf("account (-want +got):\n%s", diff)
		}
	}
	t, err := k.credentials().TOTP(k.ctx, full.User.ID)
	k.ok(err)
	k.equal("secret", "sealed", string(t.Secret))
	k.ok(k.credentials().UseTOTP(k.ctx, full.User.ID, 1))
}

// Existing accounts stay as they are: their owners may have changed them since.
func importLeaves(k *kit) {
	there := k.user("ann@example.org")
	same := k.newAccount("ann@example.org")
	same.User.ID, same.Account.Password = there.User.ID, "another"
	unnamed := k.newAccount("ann@example.org")
	unnamed.NamesID = false
	other := k.newAccount("ann@example.org")
	moved := k.newAccount("moved@example.org")
	moved.User.ID = there.User.ID
	added := k.newAccount("bob@example.org")
	k.equal("fates", []login.Imported{
		{Fate: login.ImportThere, UserID: there.User.ID}, {Fate: login.ImportThere, UserID: there.User.ID},
		{Fate: login.ImportOtherUser, UserID: there.User.ID}, {Fate: login.ImportIDTaken, UserID: there.User.ID},
		{UserID: added.User.ID},
	}, k.imported(same, unnamed, other, moved, added))
	k.equal("account", k.userAccount(there).Account.Password, there.Account.Password)
	k.equal("again", login.ImportThere, k.imported(added)[0].Fate)
}

// An account at a provider signs in to one account; an import does not move it.
func importIdentities(k *kit) {
	store, ok := k.store.(login.IdentityStore)
	if !ok {
		k.Fatalf("%T keeps no identities", k.store)
	}
	with := func(email string, subjects ...string) login.NewAccount {
		a := k.newAccount(email)
		for _, subject := range subjects {
			a.Identities = append(a.Identities, login.ProviderIdentity{
				ID: uuid.NewString(), UserID: a.User.ID, Provider: "google", Issuer: "https://accounts.google.com", Subject: subject, CreatedAt: k.now, LastUsedAt: k.now,
			})
		}
		return a
	}
	first, second, none := with("ann@example.org", "1", "2"), with("bob@example.org", "2", "3"), with("cid@example.org")
	fates := k.imported(first, second, none)
	k.equal("linked", []int{2, 1, 0}, []int{fates[0].Linked, fates[1].Linked, fates[2].Linked})
	third := with("dan@example.org", "3")
	k.equal("linked before", 0, k.imported(third)[0].Linked)
	for subject, owner := range map[string]login.NewAccount{"1": first, "2": first, "3": second} {
		identity, ua, err := store.IdentityUserAccount(k.ctx, "https://accounts.google.com", subject)
		k.ok(err)
		k.equal("owner of "+subject, owner.User.ID, ua.User.ID)
		k.equal("provider", "google", identity.Provider)
	}
}

// A credential belongs to one account: the account that has it keeps it.
func importPasskeys(k *kit) {
	store := k.passkeys()
	with := func(email string, credentials ...string) login.NewAccount {
		a := k.newAccount(email)
		a.UserHandle = []byte("handle of " + email)
		for _, credential := range credentials {
			p := k.newPasskey(a.UserAccount)
			p.CredentialID = []byte(credential)
			a.Passkeys = append(a.Passkeys, p)
		}
		return a
	}
	first, second, none := with("ann@example.org", "1", "2"), with("bob@example.org", "2", "3"), k.newAccount("cid@example.org")
	fates := k.imported(first, second, none)
	k.equal("added", []int{2, 1, 0}, []int{fates[0].Passkeys, fates[1].Passkeys, fates[2].Passkeys})
	k.equal("again", login.Imported{Fate: login.ImportThere, UserID: first.User.ID}, k.imported(first)[0])
	for credential, owner := range map[string]login.NewAccount{"1": first, "2": first, "3": second} {
		p, handle, ua, err := store.PasskeyOwner(k.ctx, []byte(credential))
		k.ok(err)
		k.equal("owner of "+credential, owner.User.ID, ua.User.ID)
		k.equal("handle", string(owner.UserHandle), string(handle))
		k.equal("factors", []login.Method{login.MethodPasskey}, ua.Account.Factors)
		for _, want := range owner.Passkeys {
			if string(want.CredentialID) == credential {
				want.CreatedAt, p.CreatedAt = stored(want.CreatedAt), stored(p.CreatedAt)
				k.equal("passkey", want, p)
			}
		}
	}
	_, err := store.UserHandle(k.ctx, none.User.ID, nil)
	k.is(err, login.ErrNotFound)
}

func importDry(k *kit) {
	there := k.user("ann@example.org")
	a, b := k.newAccount("ann@example.org"), k.newAccount("bob@example.org")
	fates, err := k.imports().ImportUsers(k.ctx, []login.NewAccount{a, b}, true)
	k.ok(err)
	k.equal("fates", []login.Imported{{Fate: login.ImportOtherUser, UserID: there.User.ID}, {UserID: b.User.ID}}, fates)
	_, err = k.store.UserAccountByID(k.ctx, b.User.ID)
	k.is(err, login.ErrNotFound)
}

func importTwice(k *kit) {
	first, address, id := k.newAccount("ann@example.org"), k.newAccount("ann@example.org"), k.newAccount("bob@example.org")
	id.User.ID = first.User.ID
	fates := k.imported(first, address, id)
	k.equal("fates", []login.ImportFate{login.ImportAdded, login.ImportOtherUser, login.ImportIDTaken}, []login.ImportFate{fates[0].Fate, fates[1].Fate, fates[2].Fate})
	h, err := k.store.UserAccountByEmail(k.ctx, "ann@example.org")
	k.ok(err)
	k.equal("the first is added", first.User.ID, h.User.ID)
}

func importBad(k *kit) {
	good, bad := k.newAccount("ann@example.org"), k.newAccount("bob@example.org")
	bad.User.Name = "" // the database refuses it
	_, err := k.imports().ImportUsers(k.ctx, []login.NewAccount{good, bad}, false)
	if !errors.Is(err, login.ErrRefusedByStore) || strings.Contains(err.Error(), "bob@") {
		k.Fatalf("error %v", err)
	}
	_, err = k.store.UserAccountByID(k.ctx, good.User.ID)
	k.is(err, login.ErrNotFound)
}

func importedHashes(k *kit) {
	examples, err := k.imports().ImportedHashes(k.ctx)
	k.ok(err)
	k.equal("without imports", []string(nil), examples)
	stored := map[string]int{
		"$2a$10$": 0, "$2b$10$": 1, "$2y$12$": 1, "$wp$2y$10$": 1, "$argon2id$v=19$m=65536,t=3,p=4$salt": 1, "$argon2id$v=19$m=7168,t=5,p=1$salt": 1,
		"$pbkdf2-sha256$i=600000$salt": 1, "$pbkdf2-sha512$i=210000$salt": 1, "$scrypt$ln=14,r=8,p=1$salt": 1, "$5$rounds=5000$salt": 1, "$6$salt": 1,
		"$P$Bsalt": 1, "bcrypt_sha256$$2b$12$": 1, "$email-bcrypt$YQ$2a$10$": 1, "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=key$salt": 1,
	}
	var accounts []login.NewAccount
	want := 0
	for hash, forms := range stored {
		want += forms
		for i := range 3 {
			a := k.newAccount(uuid.NewString() + "@example.org")
			a.Account.Password = fmt.Sprintf("%s%d$%d", hash, i, i)
			accounts = append(accounts, a)
		}
	}
	k.imported(accounts...)
	examples, err = k.imports().ImportedHashes(k.ctx)
	k.ok(err)
	if len(examples) != want {
		k.Fatalf("%d examples, want %d: %q", len(examples), want, examples)
	}
}

func importLarge(k *kit) {
	accounts := make([]login.NewAccount, login.ImportBatch)
	for i := range accounts {
		accounts[i] = k.newAccount(fmt.Sprintf("user%d@example.org", i))
	}
	for i, fate := range k.imported(accounts...) {
		if fate.Fate != login.ImportAdded || fate.UserID != accounts[i].User.ID {
			k.Fatalf("account %d: %v", i, fate)
		}
	}
}
