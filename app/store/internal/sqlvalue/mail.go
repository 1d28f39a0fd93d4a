package sqlvalue

import (
	"encoding/json"
	"fmt"

	"hasura-login/app/login"
)

// EncodePayload writes what a mail needs besides its link as a JSON object.
func EncodePayload(p login.MailPayload) (string, error) {
	p.Name, p.Language = Text(p.Name), Text(p.Language)
	b, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encoding a mail's payload: %w", err)
	}
	return string(b), nil
}

// DecodePayload reads it. What cannot be read is left out: a mail without a name
// is better than none.
func DecodePayload(b []byte) login.MailPayload {
	var p login.MailPayload
	if json.Unmarshal(b, &p) != nil {
		return login.MailPayload{}
	}
	return p
}
