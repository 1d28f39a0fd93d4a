package standin_test

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/store/postgres"
	"hasura-login/app/testserver"
	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
	"hasura-login/hasura"
)

// withProjects is the project with organisations and the table that docs/hasura.md adds.
func withProjects(t *testing.T) *metadata.Metadata {
	t.Helper()
	const tables = "metadata/databases/default/tables/"
	base, err := hasura.WithOrganizations()
	if err != nil {
		t.Fatal(err)
	}
	project := hasura.Files{}
	if err := project.CopyFrom(base); err != nil {
		t.Fatal(err)
	}
	project[tables+"public_projects.yaml"] = []byte(block(t, "hasura.md", "public_projects.yaml"))
	project[tables+"tables.yaml"] = append(project[tables+"tables.yaml"], "- \"!include public_projects.yaml\"\n"...)
	m, err := metadata.Load(project)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// None, one and many organisations are {}, {a}, {a,b} in the tokens that login issues on a
// real Postgres, and the permissions of the project and of the example show rows
// accordingly.
func TestDocs_TheTableOfAnOrganizationIsItsMembersOnPostgres(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	pg.MigrateOrganizations(t, "app")
	pg.Exec(t, "app", block(t, "hasura.md", "projects.sql"))
	store, err := postgres.Open(t.Context(), func() (string, error) { return pg.URLFor("hasura_login_a", "app"), nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	store.UseOrganizations()
	service := logintest.StartOn(t, store, func(d *login.Deps, _ *login.Rules) {
		d.Organizations, d.Claims = store, []login.ClaimSource{login.OrganizationClaims{Store: store}}
	})
	db, err := sql.Open("pgx", pg.URL("app"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	e := startOver(t, db, standin.Postgres, func(c *standin.Config) { c.Metadata = withProjects(t) })
	if problems := e.Problems(); len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	p := people{t: t, service: service}
	ann, bob := p.signUp("ann@example.org"), p.signUp("bob@example.org")
	a, b := p.organization(ann, "A"), p.organization(bob, "B")
	pg.Exec(t, "app", fmt.Sprintf(`INSERT INTO projects (organization_id, name) VALUES ('%s', 'of A'), ('%s', 'of B')`, a, b))

	const rows = `{ organizations(order_by: {name: asc}) { name } projects(order_by: {name: asc}) { name } memberships(order_by: {role: asc}) { role } }`
	eve := p.signUp("eve@example.org")
	e.shows(t, p.token(eve), rows, `{"data":{"memberships":[],"organizations":[],"projects":[]}}`)
	p.join(eve, ann, a)
	e.shows(t, p.token(eve), rows, `{"data":{"memberships":[{"role":"member"},{"role":"owner"}],"organizations":[{"name":"A"}],"projects":[{"name":"of A"}]}}`)
	e.shows(t, p.token(eve), `mutation { update_projects(where: {}, _set: {name: "by eve"}) { affected_rows } }`, `{"data":{"update_projects":{"affected_rows":1}}}`)
	e.shows(t, p.token(eve), `mutation { insert_projects_one(object: {organization_id: "`+a+`", name: "new"}) { name } }`, `{"data":{"insert_projects_one":{"name":"new"}}}`)
	if got := e.query(t, p.token(eve), `mutation { insert_projects_one(object: {organization_id: "`+b+`", name: "new"}) { name } }`); !strings.Contains(got, "permission") {
		t.Errorf("inserting into an organization of others: %s", got)
	}
	p.join(eve, bob, b)
	e.shows(t, p.token(eve), rows, `{"data":{"memberships":[{"role":"member"},{"role":"member"},{"role":"owner"},{"role":"owner"}],"organizations":[{"name":"A"},{"name":"B"}],"projects":[{"name":"by eve"},{"name":"new"},{"name":"of B"}]}}`)
	logintest.Check(t, service.LeaveOrganization(t.Context(), p.identity(eve), a, login.Client{}))
	e.shows(t, p.token(eve), rows, `{"data":{"memberships":[{"role":"member"},{"role":"owner"}],"organizations":[{"name":"B"}],"projects":[{"name":"of B"}]}}`)
	for _, write := range []string{
		`mutation { update_memberships(where: {}, _set: {role: "owner"}) { affected_rows } }`, `mutation { delete_organizations(where: {}) { affected_rows } }`,
		`mutation { insert_memberships_one(object: {role: "owner"}) { role } }`,
	} {
		if got := e.query(t, p.token(eve), write); !strings.Contains(got, "not found in type: 'mutation_root'") {
			t.Errorf("%s: %s", write, got)
		}
	}
	if got := e.query(t, "", rows); !strings.Contains(got, "not found in type: 'query_root'") {
		t.Errorf("public sees %s", got)
	}
}

// people are users of a service.
type people struct {
	t       *testing.T
	service *logintest.Service
}

type person struct {
	grant login.Grant
	email string
}

func (p people) signUp(email string) *person {
	p.t.Helper()
	g, err := p.service.SignUp(p.t.Context(), login.SignUpInput{Email: email, Name: "Ann", Password: logintest.Password, Client: login.Client{Addr: netip.MustParseAddr("192.0.2.7")}})
	logintest.Check(p.t, err)
	logintest.Check(p.t, p.service.Store.UpdateAccount(p.t.Context(), g.UserID, login.AccountChange{EmailVerified: true}, time.Now()))
	return &person{g, email}
}

func (p people) claims(who *person) map[string]any {
	p.t.Helper()
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(who.grant.Token, ".")[1])
	logintest.Check(p.t, err)
	var claims struct {
		Hasura map[string]any `json:"https://hasura.io/jwt/claims"`
	}
	logintest.Check(p.t, json.Unmarshal(body, &claims))
	return claims.Hasura
}

func (p people) identity(who *person) login.Identity {
	return login.Identity{UserID: who.grant.UserID, SessionID: p.claims(who)["x-hasura-session-id"].(string)}
}

func (p people) organization(owner *person, name string) string {
	p.t.Helper()
	m, err := p.service.CreateOrganization(p.t.Context(), p.identity(owner), name, login.Client{})
	logintest.Check(p.t, err)
	return m.Organization.ID
}

func (p people) join(who, owner *person, organization string) {
	p.t.Helper()
	i, err := p.service.InviteMember(p.t.Context(), p.identity(owner), login.InviteMemberInput{OrganizationID: organization, Email: who.email})
	logintest.Check(p.t, err)
	tokens, err := logintest.MailSecret.Tokens(i.ID)
	logintest.Check(p.t, err)
	_, err = p.service.AcceptInvitation(p.t.Context(), p.identity(who), tokens[0], login.Client{})
	logintest.Check(p.t, err)
}

// token refreshes, and signs the claims that login issues with the stand-in's key.
func (p people) token(who *person) string {
	p.t.Helper()
	g, err := p.service.Refresh(p.t.Context(), login.RefreshInput{RefreshToken: who.grant.RefreshToken})
	logintest.Check(p.t, err)
	who.grant = g
	return tokenFor(p.t, g.UserID, jwt.MapClaims{auth.DefaultNamespace: p.claims(who)})
}

func (e *engine) shows(t *testing.T, token, query, want string) {
	t.Helper()
	if got := e.query(t, token, query); got != want {
		t.Errorf("%s\n got %s\nwant %s", query, got, want)
	}
}
