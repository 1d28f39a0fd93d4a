package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The binary that handles users' passwords contains nothing that only development
// needs.
func TestBinary_HasNothingOfDevelopment(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := string(out)
	if !strings.Contains(packages, "hasura-login/app/login\n") {
		t.Fatalf("not the packages of the binary:\n%s", packages)
	}
	for _, unwanted := range []string{"hasura-login/dev", "sqlite", "gqlparser", "websocket", "yaml", "testing/fstest"} {
		for line := range strings.Lines(packages) {
			if strings.Contains(line, unwanted) {
				t.Errorf("the binary contains %s", strings.TrimSpace(line))
			}
		}
	}
}
