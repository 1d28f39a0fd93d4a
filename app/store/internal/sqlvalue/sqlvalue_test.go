package sqlvalue_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/store/internal/sqlvalue"
)

func TestDecodeClaims_KeepsOnlyStrings(t *testing.T) {
	tests := map[string]struct {
		stored string
		want   map[string]string
	}{
		"strings":       {`{"x-hasura-org": "7", "x-hasura-team": ""}`, map[string]string{"x-hasura-org": "7", "x-hasura-team": ""}},
		"mixed":         {`{"x-hasura-org": "7", "a": 1, "b": null, "c": ["d"], "e": {}}`, map[string]string{"x-hasura-org": "7"}},
		"empty":         {` {} `, nil},
		"only numbers":  {`{"a": 1}`, nil},
		"null":          {`null`, nil},
		"array":         {`["x-hasura-org"]`, nil},
		"string":        {`"x-hasura-org"`, nil},
		"broken":        {`{"x-hasura-org": `, nil},
		"nothing there": {``, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, sqlvalue.DecodeClaims([]byte(tt.stored))); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEncodeClaims_DecodesToTheSame(t *testing.T) {
	for _, claims := range []map[string]string{nil, {"x-hasura-org": `"7"`, "x-hasura-ü": "\u2028<&"}} {
		stored, err := sqlvalue.EncodeClaims(claims)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(claims, sqlvalue.DecodeClaims([]byte(stored))); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
	}
}

func TestText_IsStorableAsUTF8WithoutNUL(t *testing.T) {
	if got, want := sqlvalue.Text("Fire\x00fox é\xc3"), "Firefox é"; got != want {
		t.Errorf("Text = %q, want %q", got, want)
	}
}

func TestID_RefusesWhatIsNoUUID(t *testing.T) {
	for _, s := range []string{"", "1", "no-uuid", "0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3", "'; DROP TABLE users; --"} {
		if _, ok := sqlvalue.ID(s); ok {
			t.Errorf("ID(%q) was taken", s)
		}
	}
	if id, ok := sqlvalue.ID("0189C5D8-5C8E-7D3E-9D5A-6F1F0A1B2C3D"); !ok || id.String() != "0189c5d8-5c8e-7d3e-9d5a-6f1f0a1b2c3d" {
		t.Errorf("ID of a UUID in capitals = %v, %v", id, ok)
	}
}
