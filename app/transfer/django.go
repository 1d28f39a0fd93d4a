package transfer

import (
	"encoding/json"
	"fmt"

	"hasura-login/app/login"
)

// looksDjango recognises the output of dumpdata, and rows of auth_user.
func looksDjango(object map[string]json.RawMessage) bool {
	return hasAll("model", "fields")(object) || hasAll("email", "password")(object)
}

// django reads a user of manage.py dumpdata auth.user, of the project's own user model,
// or a row of its table.
func django(raw json.RawMessage) (login.ImportRecord, error) {
	var dumped struct {
		Model  string          `json:"model"`
		PK     text            `json:"pk"`
		Fields json.RawMessage `json:"fields"`
	}
	if err := json.Unmarshal(raw, &dumped); err != nil {
		return login.ImportRecord{}, err
	}
	if dumped.Fields != nil {
		raw = dumped.Fields
	}
	var u struct {
		ID         text   `json:"id"`
		Username   text   `json:"username"`
		Email      text   `json:"email"`
		Password   *text  `json:"password"`
		FirstName  text   `json:"first_name"`
		LastName   text   `json:"last_name"`
		IsActive   *flag  `json:"is_active"`
		DateJoined moment `json:"date_joined"`
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		return login.ImportRecord{}, err
	}
	if u.Password == nil {
		return login.ImportRecord{}, fmt.Errorf("a %q is not a user", dumped.Model)
	}
	email, name, err := fromUsername(string(u.Email), string(u.Username))
	if err != nil {
		return login.ImportRecord{}, err
	}
	return login.ImportRecord{
		ID: firstOf(string(dumped.PK), string(u.ID)), Email: email, Name: firstOf(fullName(string(u.FirstName), string(u.LastName)), name),
		PasswordHash: storedForm(string(*u.Password)), Disabled: u.IsActive != nil && !bool(*u.IsActive), CreatedAt: u.DateJoined.Time,
	}, nil
}
