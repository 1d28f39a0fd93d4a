package appliance_test

import (
	"fmt"
	"strings"
	"testing"
)

// docs/sizing.md gives the same memory figures as the compose file; scripts/install and
// scripts/doctor add up the same limits.
func TestSizing_SaysTheMemoryThatTheComposeFileGives(t *testing.T) {
	limits := map[string]int64{} // of each profile, in MB
	services := production(t).Services
	for name, s := range services {
		if name == "migrate" {
			continue
		}
		profile := strings.Join(s.Profiles, ",")
		limits[profile] += int64(s.MemLimit) >> 20
	}
	hasura := int64(services["hasura"].MemLimit) >> 20
	if job := int64(services["migrate"].MemLimit) >> 20; job > hasura {
		t.Errorf("the migrations job may take %d MB, more than a second Hasura", job)
	}
	doc := strings.Join(strings.Fields(read(t, "docs/sizing.md")), " ")
	for _, want := range []string{
		fmt.Sprintf("= %d |", limits[""]),
		fmt.Sprintf("while one is replaced | %d |", hasura),
		fmt.Sprintf("profile `acme` | %d |", limits["acme"]),
		fmt.Sprintf("profile `monitoring` | %d |", limits["monitoring"]),
		fmt.Sprintf("`redis-monitoring` | %d, %d |", limits["redis"], limits["redis-monitoring"]),
		fmt.Sprintf("the core takes %d MB at most, and %d MB with monitoring", limits[""]+hasura, limits[""]+hasura+limits["monitoring"]),
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("docs/sizing.md lacks %q", want)
		}
	}
	// A machine sold as one of 4 GB has some 3800 MB, and a tenth is let pass.
	if need := (limits[""] + hasura + limits["acme"]) * 9 / 10; need > 3800 {
		t.Errorf("the core and acme need %d MB: docs/vps.md promises a machine of 4 GB", need)
	}
}
