package transfer

import (
	"encoding/json"
	"strings"

	"hasura-login/app/login"
)

// wordpress reads a user of wp user list --format=json, or a row of wp_users.
func wordpress(raw json.RawMessage) (login.ImportRecord, error) {
	var u struct {
		ID          text   `json:"ID"`
		Login       text   `json:"user_login"`
		Email       text   `json:"user_email"`
		Password    text   `json:"user_pass"`
		DisplayName text   `json:"display_name"`
		Registered  moment `json:"user_registered"`
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		return login.ImportRecord{}, err
	}
	if u.Email == "" {
		return login.ImportRecord{}, errNoEmail
	}
	name := firstOf(string(u.DisplayName), string(u.Login))
	if strings.Contains(name, "@") {
		name = ""
	}
	return login.ImportRecord{
		ID: string(u.ID), Email: string(u.Email), Name: name, PasswordHash: storedForm(string(u.Password)), CreatedAt: u.Registered.Time,
	}, nil
}
