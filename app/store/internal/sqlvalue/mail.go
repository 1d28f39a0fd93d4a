package sqlvalue

import (
	"encoding/json"
	"fmt"

	"hasura-login/app/login"
)

// EncodePayload writes the data of a mail's template as a JSON object.
func EncodePayload(p login.MailPayload) (string, error) {
	p.Name, p.Language = Text(p.Name), Text(p.Language)
	b, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encoding a mail's payload: %w", err)
	}
	return string(b), nil
}

// DecodePayload reads it and leaves out malformed values: a mail without a name is
// better than no mail.
func DecodePayload(b []byte) login.MailPayload {
	var p login.MailPayload
	if json.Unmarshal(b, &p) != nil {
		return login.MailPayload{}
	}
	return p
}
