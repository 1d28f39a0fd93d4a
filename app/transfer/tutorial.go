package transfer

import (
	"encoding/json"

	"hasura-login/app/login"
	"hasura-login/app/password/foreign"
)

// looksTutorial recognises rows of the project's table of users, except those whose
// field of the same name has another system's hash.
func looksTutorial(object map[string]json.RawMessage) bool {
	return hasAll("email", "password")(object) && !hasAny("encrypted_password", "password_hash", "username")(object)
}

// tutorial reads a row of public.users of hasuraLoginDocker. Its hash is over the
// lower-case address followed by the password.
func tutorial(raw json.RawMessage) (login.ImportRecord, error) {
	var u struct {
		ID        text   `json:"id"`
		Email     text   `json:"email"`
		Name      text   `json:"name"`
		Password  text   `json:"password"`
		CreatedAt moment `json:"created_at"`
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		return login.ImportRecord{}, err
	}
	r := login.ImportRecord{ID: string(u.ID), Email: string(u.Email), Name: string(u.Name), CreatedAt: u.CreatedAt.Time}
	if u.Password != "" {
		r.PasswordHash = foreign.EmailBcrypt(string(u.Email), string(u.Password))
	}
	return r, nil
}
