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

// TestTranscripts replays every recorded case whose feature the project uses.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts found (%v)", err)
	}
	unused := unusedFeatures(t)
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "shared")
	pg.Exec(t, "shared", transcriptTables)
	compared := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if unused[name] != "" {
			delete(unused, name)
			continue
		}
		compared++
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			newWorld(t, pg, readTranscript(t, file)).replay(t)
		})
	}
	for name, feature := range unused {
		t.Errorf("unused-features.json lists %s (%s), which is no transcript", name, feature)
	}
	if compared < 80 {
		t.Errorf("only %d transcripts were compared", compared)
	}
	t.Logf("transcripts: %d compared, %d listed as unused", compared, len(files)-compared)
}

// unusedFeatures maps the name of each case that is left out to its feature.
func unusedFeatures(t *testing.T) map[string]string {
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

func readTranscript(t *testing.T, file string) *transcript {
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

func (w *world) replay(t *testing.T) {
	if w.Frames != nil {
		w.replayFrames(t)
		return
	}
	w.replayRequest(t)
}
