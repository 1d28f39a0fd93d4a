package transfer

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// text is a string, or a number or null in its place.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case string(b) == "null":
	case len(b) > 0 && b[0] == '"':
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	default:
		var n json.Number
		if err := json.Unmarshal(b, &n); err != nil {
			return err
		}
		s = n.String()
	}
	*t = text(s)
	return nil
}

// flag is a boolean, also in the forms of databases that have no such type.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	switch strings.Trim(string(b), `"`) {
	case "true", "t", "1":
		*f = true
	case "false", "f", "0", "null", "":
		*f = false
	default:
		return errors.New("a field that must be true or false is neither")
	}
	return nil
}

// moment is a time: RFC 3339, as Postgres and MySQL print it, milliseconds since 1970,
// or MongoDB's {"$date": …}.
type moment struct{ time.Time }

var layouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999", time.DateOnly,
}

func (m *moment) UnmarshalJSON(b []byte) error {
	var wrapped struct {
		Date *moment `json:"$date"`
	}
	if len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &wrapped); err != nil || wrapped.Date == nil {
			return errors.New("a field that must be a time is none")
		}
		*m = *wrapped.Date
		return nil
	}
	s := strings.Trim(string(b), `"`)
	if s == "null" || s == "" || strings.HasPrefix(s, "0000-00-00") {
		return nil
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		m.Time = time.UnixMilli(ms).UTC()
		return nil
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			m.Time = t.UTC()
			return nil
		}
	}
	return errors.New("a field that must be a time is none")
}

// MarshalJSON writes RFC 3339.
func (m moment) MarshalJSON() ([]byte, error) { return m.Time.MarshalJSON() }

// fromUsername returns a user's address and name in a system whose username may be the
// address; errNoEmail if neither is one.
func fromUsername(email, username string) (address, name string, err error) {
	if !strings.Contains(username, "@") {
		name = username
	} else if email == "" {
		email = username
	}
	if email == "" {
		return "", "", errNoEmail
	}
	return email, name, nil
}

// firstOf returns the first string that is not blank.
func firstOf(list ...string) string {
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}

// fullName joins given and family name.
func fullName(given, family string) string {
	return strings.TrimSpace(strings.TrimSpace(given) + " " + strings.TrimSpace(family))
}
