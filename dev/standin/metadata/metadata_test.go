package metadata_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"hasura-login/dev/standin/metadata"
	"hasura-login/hasura"
)

func TestLoad_TheProjectsOwnMetadata(t *testing.T) {
	m, err := metadata.Load(hasura.Project())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Unserved) != 0 {
		t.Errorf("the stand-in does not serve %v", m.Unserved)
	}
	if diff := cmp.Diff([]string{"ACTION_SECRET", "LOGIN_URL"}, m.EnvNames()); diff != "" {
		t.Errorf("environment that the metadata needs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/run/secrets/database_url"}, m.SecretFiles()); diff != "" {
		t.Errorf("secret files that the metadata needs (-want +got):\n%s", diff)
	}
}

func TestLoad_ActionsHaveTheRolesOfTheContract(t *testing.T) {
	m, err := metadata.Load(hasura.Project())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, a := range m.Actions {
		got[a.Name] = string(a.Operation) + " " + strings.Join(a.Roles, ",") + " " + a.Output.String()
		if !a.ForwardClientHeaders || a.Timeout.Seconds() != 10 {
			t.Errorf("%s: client headers forwarded %v, timeout %s", a.Name, a.ForwardClientHeaders, a.Timeout)
		}
		if a.Handler != "{{LOGIN_URL}}/actions/"+a.Name {
			t.Errorf("%s: handler %s", a.Name, a.Handler)
		}
		if diff := cmp.Diff([]metadata.Header{{Name: "X-Hasura-Action-Secret", ValueFromEnv: "ACTION_SECRET"}}, a.Headers); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", a.Name, diff)
		}
	}
	want := map[string]string{
		"signup":         "mutation public,user AuthPayload!",
		"signin":         "query public,user AuthPayload!",
		"refresh":        "mutation public,user AuthPayload!",
		"signout":        "mutation public,user OkPayload!",
		"signoutAll":     "mutation user OkPayload!",
		"changePassword": "mutation user AuthPayload!",
		"sessions":       "query user [LoginSession!]!",
		"endSession":     "mutation user OkPayload!",
		"changeName":     "mutation user OkPayload!",
		"deleteAccount":  "mutation user OkPayload!",

		"createOrganization":      "mutation user LoginOrganization!",
		"deleteOrganization":      "mutation user OkPayload!",
		"leaveOrganization":       "mutation user OkPayload!",
		"organizationMembers":     "query user [OrganizationMember!]!",
		"changeMemberRole":        "mutation user OkPayload!",
		"removeMember":            "mutation user OkPayload!",
		"inviteMember":            "mutation user OrganizationInvitation!",
		"organizationInvitations": "query user [OrganizationInvitation!]!",
		"revokeInvitation":        "mutation user OkPayload!",
		"invitation":              "query public,user OpenInvitation!",
		"acceptInvitation":        "mutation user AcceptedInvitation!",

		"requestPasswordReset": "mutation public,user OkPayload!",
		"resetPassword":        "mutation public,user AuthPayload!",

		"requestEmailVerification": "mutation public,user OkPayload!",
		"verifyEmail":              "mutation public,user OkPayload!",
		"requestEmailChange":       "mutation user OkPayload!",

		"signinSecondFactor": "mutation public,user AuthPayload!",
		"totpEnrolment":      "mutation user TotpEnrolment!",
		"addTotp":            "mutation user OkPayload!",
		"removeTotp":         "mutation user OkPayload!",
		"newRecoveryCodes":   "mutation user RecoveryCodes!",
		"elevate":            "mutation user ElevatedToken!",

		"requestSigninMail":    "mutation public,user MailChallenge!",
		"signinMailCode":       "mutation public,user AuthPayload!",
		"signinMailLink":       "mutation public,user AuthPayload!",
		"requestElevationMail": "mutation user MailedCode!",
		"exchange":             "mutation public,user AuthPayload!",
		"identities":           "query user [LoginIdentity!]!",
		"unlinkIdentity":       "mutation user OkPayload!",

		"signinPasskeyOptions": "mutation public,user PasskeyOptions!",
		"signinPasskey":        "mutation public,user AuthPayload!",
		"elevationOptions":     "mutation user PasskeyOptions!",
		"passkeyOptions":       "mutation user PasskeyOptions!",
		"addPasskey":           "mutation user Passkey!",
		"passkeys":             "query user [Passkey!]!",
		"renamePasskey":        "mutation user OkPayload!",
		"removePasskey":        "mutation user OkPayload!",
		"removePassword":       "mutation user AuthPayload!",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

func TestLoad_OnlyUsersIsTrackedAndPublicReadsNoTable(t *testing.T) {
	m, err := metadata.Load(hasura.Project())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range m.Sources {
		for _, table := range s.Tables {
			if table.Table.String() != "public.users" {
				t.Errorf("%s is tracked", table.Table)
			}
			for _, p := range table.SelectPermissions {
				if p.Role == "public" {
					t.Errorf("role public reads %s", table.Table)
				}
			}
			for _, p := range table.UpdatePermissions {
				if p.Role == "public" {
					t.Errorf("role public changes %s", table.Table)
				}
			}
		}
	}
}

// changed is the project's own file system with one file replaced, or removed
// if the content is empty.
func changed(t *testing.T, name string, change func(string) string) fs.FS {
	t.Helper()
	project := fstest.MapFS{}
	err := fs.WalkDir(hasura.Project(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(hasura.Project(), path)
		project[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var old string
	if f := project[name]; f != nil {
		old = string(f.Data)
	}
	if content := change(old); content != "" {
		project[name] = &fstest.MapFile{Data: []byte(content)}
	} else {
		delete(project, name)
	}
	return project
}

func replace(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}

func TestLoad_RefusesWhatTheCLIWouldLoseOrReject(t *testing.T) {
	const usersFile = "metadata/databases/default/tables/public_users.yaml"
	remove := func(string) string { return "" }
	for name, tc := range map[string]struct {
		file   string
		change func(string) string
		want   string
	}{
		"misspelt permission key":       {usersFile, replace("update_permissions:", "update_permission:"), "update_permission"},
		"unknown key in a permission":   {usersFile, replace("filter:", "filters:"), "filters"},
		"unknown key in a source":       {"metadata/databases/databases.yaml", replace("kind: postgres", "kind: postgres\n  poolsettings: {}"), "poolsettings"},
		"key the CLI drops in actions":  {"metadata/actions.yaml", replace("timeout: 10", "timeout: 10\n      ignored_client_headers: [X-A]"), "ignored_client_headers"},
		"actions.graphql missing":       {"metadata/actions.graphql", remove, "one is missing"},
		"actions.yaml missing":          {"metadata/actions.yaml", remove, "one is missing"},
		"include target missing":        {usersFile, remove, "public_users.yaml"},
		"action not in the SDL":         {"metadata/actions.graphql", replace("  signoutAll: OkPayload!\n", ""), "signoutAll is not in actions.graphql"},
		"action without handler":        {"metadata/actions.graphql", replace("signoutAll:", "extra: OkPayload!\n  signoutAll:"), "extra is not in actions.yaml"},
		"custom type not listed":        {"metadata/actions.yaml", replace("    - name: OkPayload\n", ""), "does not list OkPayload"},
		"custom type not defined":       {"metadata/actions.yaml", replace("- name: OkPayload", "- name: OkPayload\n    - name: Gone"), "Gone is not defined"},
		"header with two values":        {"metadata/actions.yaml", replace("value_from_env: ACTION_SECRET", "value_from_env: ACTION_SECRET\n          value: x"), "needs either value"},
		"header from a reserved name":   {"metadata/actions.yaml", replace("value_from_env: ACTION_SECRET", "value_from_env: HASURA_GRAPHQL_X"), "HASURA_GRAPHQL_"},
		"negative timeout":              {"metadata/actions.yaml", replace("timeout: 10", "timeout: -1"), "negative timeout"},
		"metadata version 2":            {"metadata/version.yaml", replace("3", "2"), "not 3"},
		"config version 2":              {"config.yaml", replace("version: 3", "version: 2"), "version must be 3"},
		"unknown key in config.yaml":    {"config.yaml", replace("endpoint:", "endpont:"), "endpont"},
		"file the CLI would pass over":  {"metadata/action.yaml", func(string) string { return "[]" }, "no such metadata file"},
		"broken YAML":                   {"metadata/actions.yaml", func(string) string { return "actions: [" }, "actions.yaml"},
		"broken SDL":                    {"metadata/actions.graphql", func(string) string { return "type Query {" }, "actions.graphql"},
		"source of a kind not served":   {"metadata/databases/databases.yaml", replace("kind: postgres", "kind: mssql"), "only postgres"},
		"tables that are no list":       {"metadata/databases/databases.yaml", replace(`"!include default/tables/tables.yaml"`, "{}"), "not a list"},
		"duplicate key in a table file": {usersFile, func(s string) string { return s + "update_permissions: []\n" }, "update_permissions"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := metadata.Load(changed(t, tc.file, tc.change))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestLoad_NamesWhatItDoesNotServe(t *testing.T) {
	for name, tc := range map[string]struct {
		file   string
		change func(string) string
		want   string
	}{
		"backend-only inserts": {"metadata/databases/default/tables/public_users.yaml", func(s string) string {
			return s + "insert_permissions: [{role: user, permission: {columns: [name], check: {}, backend_only: true}}]\n"
		}, "backend_only inserts of public.users for role user"},
		"chosen root fields":  {"metadata/databases/default/tables/public_users.yaml", replace("columns:", "query_root_fields: []\n      columns:"), "chosen root fields of public.users for role user"},
		"event triggers":      {"metadata/databases/default/tables/public_users.yaml", func(s string) string { return s + "event_triggers: [{name: x}]\n" }, "event_triggers of public.users"},
		"remote schemas":      {"metadata/remote_schemas.yaml", func(string) string { return "- name: x" }, "remote_schemas"},
		"asynchronous action": {"metadata/actions.yaml", replace("synchronous", "asynchronous"), "asynchronous kind or transforms of action signup"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := metadata.Load(changed(t, tc.file, tc.change))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tc.want}, m.Unserved); diff != "" {
				t.Errorf("unserved (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoad_EmptyListsOfOtherFilesAreFine(t *testing.T) {
	m, err := metadata.Load(changed(t, "metadata/cron_triggers.yaml", func(string) string { return "[]\n" }))
	if err != nil || len(m.Unserved) != 0 {
		t.Errorf("error %v, unserved %v", err, m.Unserved)
	}
}
