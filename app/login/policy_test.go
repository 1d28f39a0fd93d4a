package login_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/login"
)

// namedOperations are the constants of type Operation in the package's source.
func namedOperations(t *testing.T) []login.Operation {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var found []login.Operation
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Operation" {
				return true
			}
			for _, value := range spec.Values {
				text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, login.Operation(text))
			}
			return true
		})
	}
	return found
}

// The rules for a use case were once spread over six files, and each let unknown use
// cases pass.
func TestPolicies_EveryOperationHasAWholeRow(t *testing.T) {
	named := namedOperations(t)
	if len(named) < 15 {
		t.Fatalf("found only %q in the source", named)
	}
	slices.Sort(named)
	if diff := cmp.Diff(login.Operations(), named); diff != "" {
		t.Errorf("operations with a row, and those in the source (-with +in source):\n%s", diff)
	}
	for _, op := range named {
		p := login.PolicyOf(op)
		if p.Limit == login.LimitUnset && p.Known == login.LimitUnset && p.Code == login.LimitUnset && p.Signed == login.LimitUnset {
			t.Errorf("%s: no attempt passes", op)
		}
		if p.Caller == login.CallerAnyone && p.Limit == login.LimitUnset {
			t.Errorf("%s: anyone may call it, and no call passes", op)
		}
		if p.Caller == login.CallerSession && p.Lane != login.LaneNone && p.Limit != login.LimitUnset {
			t.Errorf("%s: a caller with a session would guess as a stranger does", op)
		}
		if hashes := p.Lane != login.LaneNone; hashes && (p.Limit == login.LimitNone || p.Known == login.LimitNone) {
			t.Errorf("%s: it hashes, and nothing limits it", op)
		}
		if p.Limit != login.LimitNone && !slices.Contains(p.Events, login.EventThrottled) {
			t.Errorf("%s: it is limited, and a refusal is not among its events", op)
		}
		for _, code := range p.Results {
			if !slices.Contains(login.Codes(), code) {
				t.Errorf("%s: %q is not a code", op, code)
			}
		}
	}
}

func TestPolicies_WhatHasNoRowGetsNothing(t *testing.T) {
	attempt := login.Attempt{Operation: "madeUp", Client: home}
	for name, a := range map[string]login.Attempt{"a call": attempt, "of a device": {Operation: "madeUp", DeviceID: "d"}, "a mail": {Operation: "madeUp", Recipient: "ann@example.org"}} {
		if got := a.Limit(); got != login.LimitUnset {
			t.Errorf("%s has limit %d", name, got)
		}
	}
	for _, known := range []bool{false, true} {
		if got := (login.HashRequest{Operation: "madeUp", KnownDevice: known}).Lane(); got != login.LaneNone {
			t.Errorf("its hashes have lane %d", got)
		}
	}
	if got := login.PolicyOf("madeUp").Caller; got != login.CallerSession {
		t.Errorf("it may be called by %d", got)
	}
}
