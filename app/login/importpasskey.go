package login

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

const (
	// maxUserHandleBytes is the longest user handle (WebAuthn, 5.4.3).
	maxUserHandleBytes = 64
	// maxCredentialIDBytes is the longest id of a credential (WebAuthn, 4).
	maxCredentialIDBytes = 1023
)

// addPasskeys takes the record's passkeys that sign in here, and lists the others in
// its Left. A passkey that did not sign in would lock its owner out, because sign-in
// asks for the second factor of an account that has one.
func (i *Importer) addPasskeys(a *NewAccount, r *ImportRecord, now time.Time) {
	n := len(r.Passkeys)
	switch {
	case n == 0:
		return
	case i.CheckPasskey == nil:
		r.Left = append(r.Left, fmt.Sprintf("passkeys (%d); they come along if --passkey-domain confirms that their domain stays the same", n))
		return
	case len(r.UserHandle) == 0 || len(r.UserHandle) > maxUserHandleBytes:
		r.Left = append(r.Left, fmt.Sprintf("passkeys (%d), because the user handle is missing or too long", n))
		return
	}
	seen := map[string]bool{}
	for _, p := range r.Passkeys {
		if err := i.checkPasskey(&p, seen); err != nil {
			r.Left = append(r.Left, "a passkey: "+err.Error())
			continue
		}
		if len(a.Passkeys) == MaxPasskeys {
			r.Left = append(r.Left, fmt.Sprintf("a passkey: an account can have %d", MaxPasskeys))
			continue
		}
		seen[string(p.CredentialID)] = true
		p.ID, p.UserID = uuid.NewString(), a.User.ID
		if p.CreatedAt = p.CreatedAt.UTC(); p.CreatedAt.Year() < 1970 || p.CreatedAt.After(now) {
			p.CreatedAt = now
		}
		a.Passkeys, a.UserHandle = append(a.Passkeys, p), r.UserHandle
	}
}

func (i *Importer) checkPasskey(p *Passkey, seen map[string]bool) error {
	if n := len(p.CredentialID); n == 0 || n > maxCredentialIDBytes || seen[string(p.CredentialID)] {
		return errors.New("its credential id is missing, too long, or given twice")
	}
	model, err := uuid.Parse(p.AAGUID)
	if err != nil {
		model = uuid.Nil // the authenticator does not say
	}
	p.AAGUID = model.String()
	if p.Name, err = passkeyName(p.Name); err != nil {
		p.Name = "" // the owner can give it another
	}
	return i.CheckPasskey(p)
}
