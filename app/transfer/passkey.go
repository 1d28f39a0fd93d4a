package transfer

import (
	"github.com/google/uuid"

	"hasura-login/app/login"
)

// Passkey is a discoverable credential that verifies its user. All of it is public.
type Passkey struct {
	CredentialID   []byte   `json:"credentialId"`
	PublicKey      []byte   `json:"publicKey"` // COSE_Key
	AAGUID         string   `json:"aaguid,omitempty"`
	SignCount      uint32   `json:"signCount"`
	BackupEligible *bool    `json:"backupEligible"`
	BackedUp       bool     `json:"backedUp"`
	Transports     []string `json:"transports,omitempty"`
	Name           string   `json:"name,omitempty"`
	CreatedAt      moment   `json:"createdAt,omitzero"`
}

func (p Passkey) passkey() login.Passkey {
	return login.Passkey{
		CredentialID: p.CredentialID, PublicKey: p.PublicKey, AAGUID: p.AAGUID, SignCount: p.SignCount,
		BackupEligible: *p.BackupEligible, BackedUp: p.BackedUp, Transports: p.Transports, Name: p.Name, CreatedAt: p.CreatedAt.Time,
	}
}

func exportedPasskey(p login.Passkey) Passkey {
	return Passkey{
		CredentialID: p.CredentialID, PublicKey: p.PublicKey, AAGUID: p.AAGUID, SignCount: p.SignCount,
		BackupEligible: &p.BackupEligible, BackedUp: p.BackedUp, Transports: p.Transports, Name: p.Name, CreatedAt: moment{p.CreatedAt},
	}
}

// kratosPasskey is a credential of Kratos of the kind passkey.
type kratosPasskey struct {
	ID            []byte `json:"id"`
	PublicKey     []byte `json:"public_key"`
	DisplayName   text   `json:"display_name"`
	AddedAt       moment `json:"added_at"`
	Authenticator struct {
		AAGUID    []byte `json:"aaguid"`
		SignCount uint32 `json:"sign_count"`
	} `json:"authenticator"`
	// Flags are missing from credentials that early releases registered.
	Flags *struct {
		UserVerified   bool `json:"user_verified"`
		BackupEligible bool `json:"backup_eligible"`
		BackupState    bool `json:"backup_state"`
	} `json:"flags"`
	Transport []string `json:"transport"`
}

// passkey reports whether the record has all that a sign-in here needs.
func (k kratosPasskey) passkey() (login.Passkey, bool) {
	if k.Flags == nil || !k.Flags.UserVerified {
		return login.Passkey{}, false
	}
	model, err := uuid.FromBytes(k.Authenticator.AAGUID)
	if err != nil {
		model = uuid.Nil
	}
	return login.Passkey{
		CredentialID: k.ID, PublicKey: k.PublicKey, AAGUID: model.String(), SignCount: k.Authenticator.SignCount,
		BackupEligible: k.Flags.BackupEligible, BackedUp: k.Flags.BackupState, Transports: k.Transport, Name: string(k.DisplayName), CreatedAt: k.AddedAt.Time,
	}, true
}
