package transfer

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"hasura-login/app/login"
)

// firebaseParameters are the hash parameters of a project, as its console shows them.
type firebaseParameters struct {
	signerKey, separator string
	rounds, memoryCost   int
}

var firebaseParameter = regexp.MustCompile(`(?m)["']?(algorithm|base64_signer_key|base64_salt_separator|rounds|mem_cost)["']?\s*[:=]\s*["']?([A-Za-z0-9+/=_-]+)`)

// parseFirebaseParameters reads the text that the console shows ("hash_config {…}"),
// JSON with the same names, or name=value lines.
func parseFirebaseParameters(text string) (p firebaseParameters, err error) {
	found := map[string]string{}
	for _, m := range firebaseParameter.FindAllStringSubmatch(text, -1) {
		found[m[1]] = m[2]
	}
	if a := found["algorithm"]; a != "" && !strings.EqualFold(a, "SCRYPT") {
		return p, fmt.Errorf("the password hash parameters are of %s; only SCRYPT is known here", a)
	}
	for _, name := range []string{"base64_signer_key", "base64_salt_separator", "rounds", "mem_cost"} {
		if found[name] == "" {
			return p, fmt.Errorf("the password hash parameters have no %s", name)
		}
	}
	p.signerKey, p.separator = found["base64_signer_key"], found["base64_salt_separator"]
	if p.rounds, err = strconv.Atoi(found["rounds"]); err == nil {
		p.memoryCost, err = strconv.Atoi(found["mem_cost"])
	}
	if err != nil {
		return p, errors.New("the password hash parameters rounds and mem_cost must be numbers")
	}
	return p, nil
}

func openFirebase(in *bufio.Reader, o Options) (Reader, error) {
	if o.FirebaseParameters == "" {
		return nil, errors.New("the password hash parameters of Firebase are missing: copy them from its console (Authentication, Users, the three dots) into a file, and name it with --firebase-parameters")
	}
	p, err := parseFirebaseParameters(o.FirebaseParameters)
	if err != nil {
		return nil, err
	}
	return openJSON(in, "users", hasAll("localId"), p.user)
}

// urlSafe turns base64 for URLs, which the REST interface writes, into standard base64.
var urlSafe = strings.NewReplacer("-", "+", "_", "/")

// user reads a user of firebase auth:export --format=json.
func (p firebaseParameters) user(raw json.RawMessage) (login.ImportRecord, error) {
	var u struct {
		LocalID       text   `json:"localId"`
		Email         text   `json:"email"`
		EmailVerified flag   `json:"emailVerified"`
		PasswordHash  text   `json:"passwordHash"`
		Salt          text   `json:"salt"`
		DisplayName   text   `json:"displayName"`
		CreatedAt     moment `json:"createdAt"`
		Disabled      flag   `json:"disabled"`
		Phone         text   `json:"phoneNumber"`
		Providers     []struct {
			ID    text `json:"providerId"`
			RawID text `json:"rawId"`
		} `json:"providerUserInfo"`
		MFA []json.RawMessage `json:"mfaInfo"`
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		return login.ImportRecord{}, err
	}
	if u.Email == "" {
		return login.ImportRecord{}, errNoEmail
	}
	r := login.ImportRecord{
		ID: string(u.LocalID), Email: string(u.Email), Name: string(u.DisplayName),
		EmailVerified: bool(u.EmailVerified), Disabled: bool(u.Disabled), CreatedAt: u.CreatedAt.Time,
	}
	if u.PasswordHash != "" {
		r.PasswordHash = fmt.Sprintf("$fbscrypt$v=1,n=%d,r=%d,p=1,ss=%s,sk=%s$%s$%s",
			p.memoryCost, p.rounds, p.separator, p.signerKey, urlSafe.Replace(string(u.Salt)), urlSafe.Replace(string(u.PasswordHash)))
	}
	for _, i := range u.Providers {
		if i.ID != "password" && i.ID != "phone" {
			r.Identities = append(r.Identities, identityOf(string(i.ID), string(i.RawID)))
		}
	}
	if len(u.MFA) > 0 {
		r.Left = append(r.Left, "second factors, which Firebase does not export")
	}
	if u.Phone != "" {
		r.Left = append(r.Left, "the phone number")
	}
	return r, nil
}
