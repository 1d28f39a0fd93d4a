package standin_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hasura-login/app/testserver"
)

// transcript is one recorded exchange; see testdata/transcripts/README.md.
type transcript struct {
	Name   string `json:"name"`
	Config *struct {
		UnauthorizedRole string          `json:"unauthorizedRole"`
		JWT              json.RawMessage `json:"jwt"`
	} `json:"config"`
	Setup struct {
		Differs string `json:"differs"`
		State   string `json:"state"`
		Auth    string `json:"auth"`
	} `json:"setup"`
	Handler *struct {
		Receives json.RawMessage `json:"receives"`
		Answers  json.RawMessage `json:"answers"`
	} `json:"handler"`
	Request *struct {
		Method  string                     `json:"method"`
		Path    string                     `json:"path"`
		Headers map[string]json.RawMessage `json:"headers"`
		Body    json.RawMessage            `json:"body"`
		BodyRaw *string                    `json:"body_raw"`
	} `json:"request"`
	Response *struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
		BodyRaw *string           `json:"body_raw"`
	} `json:"response"`

	Path           string                       `json:"path"`
	Subprotocol    string                       `json:"subprotocol"`
	UpgradeHeaders map[string]json.RawMessage   `json:"upgradeHeaders"`
	Frames         []map[string]json.RawMessage `json:"frames"`
}

// TestTranscripts replays every recorded case against the stand-in, or with -hasura-image against the real engine (make hasura-conformance).
func TestTranscripts(t *testing.T) {
	pg, launch := engineUnderTest(t)
	cases := transcripts(t)
	r := writeReport(t)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			failures := conforms(t, pg, c, launch)
			r.note(c.Name, failures)
			for _, failure := range failures {
				t.Error(failure)
			}
		})
	}
	if len(cases) < 200 {
		t.Errorf("only %d transcripts were compared", len(cases))
	}
	t.Logf("transcripts: %d compared", len(cases))
}

// sharedDatabase has the cases' tables, for cases that change none of them.
const sharedDatabase = "shared"

func makeSharedDatabase(t testing.TB, pg *testserver.Postgres) {
	t.Helper()
	pg.CreateDatabase(t, sharedDatabase)
	pg.Exec(t, sharedDatabase, transcriptTables)
}

// transcripts are all recorded cases.
func transcripts(t testing.TB) (cases []*transcript) {
	t.Helper()
	files, err := filepath.Glob("testdata/transcripts/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts found (%v)", err)
	}
	for _, file := range files {
		cases = append(cases, readTranscript(t, file))
	}
	return cases
}

func readTranscript(t testing.TB, file string) *transcript {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if strings.HasPrefix(filepath.Base(file), "auth-") {
		text = onOwnTables(text)
	}
	var c transcript
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return &c
}

func (w *world) replay(t testing.TB) {
	if w.Frames != nil {
		w.replayFrames(t)
		return
	}
	w.replayRequest(t)
}
