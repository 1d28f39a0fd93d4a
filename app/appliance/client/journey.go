package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// journey goes the way of a new user, and looks at what others must not get.
func journey(url string) error {
	s := newSite(url, nil)
	email := strings.ToLower(rand.Text()) + "@example.org"
	steps := []struct {
		what string
		do   func(*grant) error
	}{
		{"sign-up over GraphQL", func(g *grant) (err error) { *g, err = s.signUp(email); return err }},
		{"sign-in over GraphQL", func(g *grant) (err error) { *g, err = s.signIn(email); return err }},
		{"sign-in over REST", func(*grant) error {
			return s.rest("POST", "/auth/signin", "", map[string]any{"email": email, "password": password}, &grant{})
		}},
		{"a stranger's row in between", func(*grant) error { _, err := s.signUp("other-" + email); return err }},
		{"the own row and no other", func(g *grant) error { return ownRow(s, g, email) }},
		{"a subscription over a WebSocket", func(g *grant) error { return subscribe(s, g) }},
		{"a session in a cookie", func(*grant) error { return keepCookie(url, email) }},
		{"refresh", func(g *grant) error {
			return s.rest("POST", "/auth/refresh", "", map[string]any{"refreshToken": g.RefreshToken}, g)
		}},
		{"the wrong password is refused", func(*grant) error { return refused(s, email) }},
		{"nobody's rows for nobody", func(*grant) error { return nothingForNobody(s) }},
		{"only the routes of the contract", func(*grant) error { return closedRoutes(s) }},
		{"sign-out", func(g *grant) error {
			return s.rest("POST", "/auth/signout", "", map[string]any{"refreshToken": g.RefreshToken}, nil)
		}},
	}
	var g grant
	for _, step := range steps {
		if err := step.do(&g); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Fprintln(os.Stdout, "  ok:", step.what)
	}
	return nil
}

func ownRow(s *site, g *grant, email string) error {
	rows, err := s.rows(g.Token)
	if err == nil && (len(rows) != 1 || rows[0].ID != g.ID || rows[0].Email != email) {
		err = fmt.Errorf("%v", rows)
	}
	return err
}

func refused(s *site, email string) error {
	var f *failed
	err := s.rest("POST", "/auth/signin", "", map[string]any{"email": email, "password": "not this one"}, nil)
	if !errors.As(err, &f) || f.status != http.StatusUnauthorized || !strings.Contains(f.body, "invalid-credentials") {
		return fmt.Errorf("the answer is: %w", orNone(err))
	}
	return nil
}

func nothingForNobody(s *site) error {
	if rows, err := s.rows(""); err == nil {
		return fmt.Errorf("the role public reads %d rows", len(rows))
	}
	return nil
}

// orNone is an error, or that there was none where one was wanted.
func orNone(err error) error {
	if err == nil {
		return errors.New("no refusal")
	}
	return err
}

// closedRoutes tries what belongs to operators.
func closedRoutes(s *site) error {
	for _, path := range []string{"/v1/metadata", "/v2/query", "/console", "/v1/version", "/metrics", "/actions/signin", "/readyz"} {
		var f *failed
		if _, err := s.send("POST", path, "", map[string]any{}); !errors.As(err, &f) || f.status != http.StatusNotFound && f.status != http.StatusMethodNotAllowed {
			return fmt.Errorf("%s answers: %w", path, orNone(err))
		}
	}
	return nil
}

// subscribe changes the user's name and waits for the subscription to deliver it.
func subscribe(s *site, g *grant) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(s.url, "http", "ws", 1)+"/v1/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	payload, _ := json.Marshal(map[string]any{"headers": map[string]string{"Authorization": "Bearer " + g.Token}})
	for _, frame := range []string{
		`{"type":"connection_init","payload":` + string(payload) + `}`,
		`{"id":"1","type":"subscribe","payload":{"query":"subscription { users { name } }"}}`,
	} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(frame)); err != nil {
			return err
		}
	}
	if err := await(ctx, conn, `"Ann"`); err != nil {
		return err
	}
	var changed any
	if err := s.graphQL(g.Token, "update_users", `mutation ($id: uuid!) { update_users(where: {id: {_eq: $id}}, _set: {name: "Ann B."}) { affected_rows } }`,
		map[string]any{"id": g.ID}, &changed); err != nil {
		return err
	}
	return await(ctx, conn, `"Ann B."`)
}

func await(ctx context.Context, conn *websocket.Conn, text string) error {
	for {
		_, frame, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", text, err)
		}
		if strings.Contains(string(frame), `"error"`) {
			return fmt.Errorf("the server says %s", frame)
		}
		if strings.Contains(string(frame), text) {
			return nil
		}
	}
}
