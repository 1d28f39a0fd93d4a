package foreign_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"hasura-login/app/password/foreign"
)

func b64(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) }

// firebaseKey is the signer key of github.com/firebase/scrypt's README.
const firebaseKey = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="

// vectors are published ones; the comment names who published them.
var vectors = map[string]struct{ stored, password string }{
	// supabase/auth, internal/crypto/password_test.go
	"argon2i":                   {"$argon2i$v=19$m=16,t=2,p=1$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4g", "test"},
	"argon2id":                  {"$argon2id$v=19$m=32,t=3,p=2$SFVpOWJ0eXhjRzVkdGN1RQ$RXnb8rh7LaDcn07xsssqqulZYXOM/EUCEFMVcAcyYVk", "test"},
	"Firebase, as Supabase has": {"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==", "mytestpassword"},
	// github.com/firebase/scrypt, README
	"Firebase": {"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=" + firebaseKey + "$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==", "user1password"},
	// ory/kratos, hash/hasher_test.go
	"argon2id of four lanes":  {"$argon2id$v=19$m=32,t=2,p=4$cm94YnRVOW5jZzFzcVE4bQ$MNzk5BtR2vUhrp6qQEjRNw", "test"},
	"argon2i of 64 MB":        {"$argon2i$v=19$m=65536,t=3,p=4$kk51rW/vxIVCYn+EG4kTSg$NyT88uraJ6im6dyha/M5jhXvpqlEdlS/9fEm7ScMb8c", "test"},
	"PBKDF2-SHA-256":          {"$pbkdf2-sha256$i=100000,l=32$1jP+5Zxpxgtee/iPxGgOz0RfE9/KJuDElP1ley4VxXc$QJxzfvdbHYBpydCbHoFg3GJEqMFULwskiuqiJctoYpI", "test"},
	"PBKDF2-SHA-512":          {"$pbkdf2-sha512$i=100000,l=32$bdHBpn7OWOivJMVJypy2UqR0UnaD5prQXRZevj/05YU$+wArTfv1a+bNGO1iZrmEdVjhA+lL11wF4/IxpgYfPwc", "test"},
	"scrypt":                  {"$scrypt$ln=14,r=8,p=1$2npRo7P03Mt8keSoMbyD/tKFWyUzjiQf2svUaNDSrhA=$MiCzNcIplSMqSBrm4HckjYqYhaVPPjTARTzwB1cVNYE=", "test"},
	"SHA-256-crypt, rounds":   {"$5$rounds=535000$05R.9KB6UC2kLI3w$Q/zslzx./JjkAVPTwp6th7nW5l7JU91Gte/UmIh.U78", "test"},
	"SHA-512-crypt, rounds":   {"$6$rounds=656000$3LVbIAVxR//cRajw$uuNasMW.RYxlGzIRFU1Was70BPSa933AjxhZIGJdJBOlqJAHlgqa0yuiuq5JHF/ryNGryJkj87G9i3G2HPSXg1", "test"},
	"Firebase, as Kratos has": {"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=YE0dO4bwD4JnJafh6lZZfkp1MtKzuKAXQcDCJNJNyeCHairWHKENOkbh3dzwaCdizzOspwr/FITUVlnOAwPKyw==$sPtDhWcd1MfdAw==$xbSou7FOl6mChCyzpCPIQ7tku7nsQMTFtyOZSXXd7tjBa4NtimOx7v42Gv2SfzPQu1oxM2/k4SsbOu73wlKe1A==", "8x4WjoDbSxJZdR"},
	// Drepper, "Unix crypt using SHA-256 and SHA-512", as OpenSSL's passwd answers too
	"SHA-256-crypt": {"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
	"SHA-512-crypt": {"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!"},
	// openwall/phpass, test.php; passlib's documentation of phpass
	"phpass":          {"$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345"},
	"phpass, passlib": {"$P$8ohUJ.1sdFw09/bMaAQPTGDNi2BIUt1", "password"},
	"phpBB":           {"$H$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345"},
	// WordPress/wordpress-playground, the administrator of its demonstration
	"WordPress": {"$wp$2y$10$Q1xinFjrZeLWJBvxviIL6u834Fu.evIEFHAUVisQ5O.w9Dm0sMdES", "admin"},
	// django/django, tests/auth_tests/test_hashers.py, as PHC strings
	"Django's PBKDF2": {"$pbkdf2-sha256$i=390000$" + b64("seasalt") + "$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=", "lètmein"},
	"Django's scrypt": {"$scrypt$ln=14,r=8,p=1$" + b64("seasalt") + "$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==", "lètmein"},
	"Django's argon2": {"$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw", "secret"},
	// passlib, tests/test_handlers_django.py
	"Django's bcrypt_sha256": {"bcrypt_sha256$$2a$08$NDjSAIcas.EcoxCRiArvT.MkNiPYVhrsrnJsRkLueZOoV1bsQqlmC", "lètmein"},
	"Django's PBKDF2-SHA-1":  {"$pbkdf2-sha1$10000$" + b64("wz5B6WkasRoF") + "$atJmJ1o+XfJxKq1+Nu1f1i57Z5I=", "not a password"},
}

func TestMatches_PublishedVectors(t *testing.T) {
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			h, err := foreign.Parse(v.stored)
			if err != nil {
				t.Fatal(err)
			}
			if !h.Matches([]byte(v.password)) {
				t.Error("the password does not match")
			}
			if h.Memory() < 64<<20 && h.Matches([]byte("x"+v.password)) { // the dear ones take their time
				t.Error("another password matches")
			}
		})
	}
}

// A form tells cost and nothing else: neither salt nor digest nor key.
func TestForm_IsWithoutSaltAndDigest(t *testing.T) {
	want := map[string]string{
		"argon2id": "argon2id$v=19$m=32,t=3,p=2", "Firebase": "fbscrypt$v=1,n=14,r=8,p=1", "scrypt": "scrypt$ln=14,r=8,p=1",
		"PBKDF2-SHA-256": "pbkdf2-sha256$100000", "SHA-256-crypt": "5", "SHA-512-crypt, rounds": "6$rounds=656000", "phpass": "phpass$11",
		"WordPress": "wp$10", "Django's bcrypt_sha256": "bcrypt_sha256$8",
	}
	for name, form := range want {
		h, err := foreign.Parse(vectors[name].stored)
		if err != nil || h.Form() != form {
			t.Errorf("%s: %q, %v; want %q", name, h.Form(), err, form)
		}
	}
}

func TestParse_RefusesWhatIsMalformedOrWouldCostTooMuch(t *testing.T) {
	const salt, digest = "c29tZXNhbHRzb21lc2FsdA", "NfEnUOuUpb7F2fQkgFUG4g"
	bcrypt := strings.Repeat("a", 53)
	cases := map[string]string{
		"scrypt of N 2^30":              "$scrypt$ln=30,r=8,p=1$" + salt + "$" + digest,
		"scrypt of N 2^63":              "$scrypt$ln=63,r=8,p=1$" + salt + "$" + digest,
		"scrypt of N as Kratos has it":  "$scrypt$ln=16384,r=8,p=1$" + salt + "$" + digest,
		"scrypt of a huge block":        "$scrypt$ln=14,r=1073741824,p=1$" + salt + "$" + digest,
		"scrypt too often":              "$scrypt$ln=17,r=8,p=16$" + salt + "$" + digest,
		"scrypt without parameters":     "$scrypt$$" + salt + "$" + digest,
		"scrypt with one twice":         "$scrypt$ln=14,ln=14,r=8,p=1$" + salt + "$" + digest,
		"scrypt of zero":                "$scrypt$ln=0,r=8,p=1$" + salt + "$" + digest,
		"argon2 of 4 GB":                "$argon2id$v=19$m=4194304,t=1,p=1$" + salt + "$" + digest,
		"argon2 of more than 32 bits":   "$argon2id$v=19$m=4294967297,t=2,p=1$" + salt + "$" + digest,
		"argon2 of many passes":         "$argon2id$v=19$m=65536,t=4000000,p=1$" + salt + "$" + digest,
		"argon2 of many lanes":          "$argon2id$v=19$m=65536,t=1,p=255$" + salt + "$" + digest,
		"argon2 of no pass":             "$argon2id$v=19$m=65536,t=0,p=1$" + salt + "$" + digest,
		"argon2 of no lane":             "$argon2id$v=19$m=65536,t=1,p=0$" + salt + "$" + digest,
		"argon2 of an earlier version":  "$argon2id$v=16$m=16,t=2,p=1$" + salt + "$" + digest,
		"argon2 without a version":      "$argon2id$m=16,t=2,p=1$" + salt + "$" + digest,
		"argon2 with a secret key":      "$argon2id$v=19$m=16,t=2,p=1,keyid=abc$" + salt + "$" + digest,
		"argon2 with data":              "$argon2id$v=19$m=16,t=2,p=1,data=abc$" + salt + "$" + digest,
		"a negative number":             "$argon2id$v=19$m=-16,t=2,p=1$" + salt + "$" + digest,
		"truncated base64":              "$argon2id$v=19$m=16,t=2,p=1$" + salt + "$NfEnUOuUpb7F2fQkgFUG4",
		"a digest cut to ten bytes":     "$argon2id$v=19$m=16,t=2,p=1$" + salt + "$NfEnUOuUpb7F2",
		"no salt":                       "$argon2id$v=19$m=16,t=2,p=1$$" + digest,
		"no digest":                     "$argon2id$v=19$m=16,t=2,p=1$" + salt + "$",
		"salt is not base64":            "$argon2id$v=19$m=16,t=2,p=1$!!!$" + digest,
		"a field is missing":            "$argon2id$v=19$m=16,t=2,p=1$" + salt,
		"a field too many":              "$argon2id$v=19$m=16,t=2,p=1$" + salt + "$" + digest + "$" + digest,
		"PBKDF2 of a billion rounds":    "$pbkdf2-sha256$i=1000000000,l=32$" + salt + "$" + digest,
		"PBKDF2 of no round":            "$pbkdf2-sha256$i=0,l=32$" + salt + "$" + digest,
		"PBKDF2 of a word":              "$pbkdf2-sha256$many$" + salt + "$" + digest,
		"PBKDF2 over a hash that I mix": "$pbkdf2-sha3$i=1000,l=32$" + salt + "$" + digest,
		"SHA-crypt of many rounds":      "$6$rounds=999999999$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
		"SHA-crypt cut short":           "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO",
		"SHA-crypt of another kind":     "$5$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
		"phpass of 2^30 rounds":         "$P$SIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0",
		"phpass cut short":              "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L",
		"phpass of another alphabet":    "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r+L0",
		"WordPress of cost 31":          "$wp$2y$31$" + bcrypt,
		"WordPress cut short":           "$wp$2y$10$",
		"Firebase of N 2^40":            "$fbscrypt$v=1,n=40,r=8,p=1,ss=Bw==,sk=" + firebaseKey + "$" + salt + "$" + digest,
		"Firebase without a key":        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==$" + salt + "$" + digest,
		"Firebase of version 2":         "$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk=" + firebaseKey + "$" + salt + "$" + digest,
		"address of no base64":          "$email-bcrypt$***$2a$10$" + bcrypt,
	}
	for name, stored := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := foreign.Parse(stored)
			if err == nil {
				t.Fatal("taken")
			}
			for _, secret := range []string{digest, firebaseKey, bcrypt} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error repeats the hash: %v", err)
				}
			}
		})
	}
}

func TestParse_KnowsWhatItDoesNotKnow(t *testing.T) {
	for _, stored := range []string{
		"", "!", "plain text", "5f4dcc3b5aa765d61d8327deb882cf99", "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3",
		"{SSHA}JFZFs0oHzxbMwkSJmYVeI8MnTDy/276a", "$1$TVEiiKNb$SN6/pUaRQS/E8Jh46As2C/", "$argon2d$v=19$m=16,t=2,p=1$bGJR$NfEn", "$y$j9T$salt$hash",
	} {
		if _, err := foreign.Parse(stored); !errors.Is(err, foreign.ErrUnknown) {
			t.Errorf("%q: %v", stored, err)
		}
	}
}

// bcrypt over address and password: a long address leaves the password no room, so
// that any password passes. Such a hash is refused.
func TestEmailBcrypt_ALongAddressIsRefused(t *testing.T) {
	const stored = "$2a$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu" // of "test"
	h, err := foreign.Parse(foreign.EmailBcrypt("TE", stored))
	if err != nil {
		t.Fatal(err)
	}
	if !h.Matches([]byte("st")) || h.Matches([]byte("test")) || h.Matches(nil) {
		t.Error("the hash is not over address and password")
	}
	long := strings.Repeat("a", foreign.MaxEmailBytes)
	if _, err := foreign.Parse(foreign.EmailBcrypt(long, stored)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := foreign.Parse(foreign.EmailBcrypt(long+"a", stored)); !errors.Is(err, foreign.ErrEmailTooLong) {
		t.Errorf("beyond the limit: %v", err)
	}
}

func FuzzParse_NeverPanicsAndStaysWithinBounds(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.stored)
	}
	f.Fuzz(func(t *testing.T, stored string) {
		h, err := foreign.Parse(stored)
		if err == nil && h.Memory() > foreign.MaxMemory {
			t.Errorf("%q takes %d bytes", stored, h.Memory())
		}
	})
}
