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

// TestTranscripts replays every recorded case whose feature the project uses: against
// the stand-in, or with -hasura-image against the real engine (make hasura-conformance).
func TestTranscripts(t *testing.T) {
	pg, launch := engineUnderTest(t)
	cases, unused := usedTranscripts(t)
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
	if len(cases) < 80 {
		t.Errorf("only %d transcripts were compared", len(cases))
	}
	t.Logf("transcripts: %d compared, %d listed as unused", len(cases), unused)
}

// sharedDatabase has the cases' tables, for cases that change none of them.
const sharedDatabase = "shared"

func makeSharedDatabase(t testing.TB, pg *testserver.Postgres) {
	t.Helper()
	pg.CreateDatabase(t, sharedDatabase)
	pg.Exec(t, sharedDatabase, transcriptTables)
}

// usedTranscripts returns the cases of features that the project uses, and the number
// of other cases.
func usedTranscripts(t testing.TB) (cases []*transcript, unused int) {
	t.Helper()
	files, err := filepath.Glob("testdata/transcripts/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts found (%v)", err)
	}
	listed := unusedFeatures(t)
	unused = len(listed)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if listed[name] != "" {
			delete(listed, name)
			continue
		}
		cases = append(cases, readTranscript(t, file))
	}
	for name, feature := range listed {
		t.Errorf("unused-features.json lists %s (%s), which is no transcript", name, feature)
	}
	return cases, unused
}

// unusedFeatures maps the name of each case that is left out to its feature.
func unusedFeatures(t testing.TB) map[string]string {
	t.Helper()
	b, err := os.ReadFile("testdata/unused-features.json")
	if err != nil {
		t.Fatal(err)
	}
	var features map[string][]string
	if err := json.Unmarshal(b, &features); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for feature, cases := range features {
		for _, name := range cases {
			names[name] = feature
		}
	}
	return names
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
