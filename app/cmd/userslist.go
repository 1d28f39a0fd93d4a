package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"hasura-login/app/login"
)

// listPage is how many users are read and printed at once, however many there are.
const listPage = 500

type usersList struct {
	email string
	limit int // 0: none
	after string
}

func (v usersList) run(ctx context.Context, env Environment, asJSON bool) error {
	if v.limit < 0 {
		return errors.New("--limit: a number of users, or 0 for every user")
	}
	// Each page has its own time limit; all pages together may take longer than a verb.
	return withOperator(ctx, env, func(_ context.Context, o *login.Operator) error {
		var out userPrinter = &userTable{w: env.Stdout}
		if asJSON {
			out = &userArray{w: env.Stdout}
		}
		last, err := v.print(ctx, o, out)
		if err == nil {
			err = out.end()
		}
		if err == nil && last != "" && !asJSON {
			_, err = fmt.Fprintf(env.Stdout, "more with: --after %s\n", last)
		}
		return err
	})
}

// print prints page after page. If the limit ends it, it returns the last address.
func (v usersList) print(ctx context.Context, o *login.Operator, out userPrinter) (last string, err error) {
	after := v.after
	for left := v.limit; ; {
		size := listPage
		if v.limit > 0 {
			size = min(size, left)
		}
		page, err := o.List(ctx, v.email, after, size)
		if err != nil {
			return "", err
		}
		if err := out.page(page); err != nil {
			return "", err
		}
		if len(page) < size {
			return "", nil
		}
		after = page[len(page)-1].User.Email
		if left -= len(page); v.limit > 0 && left == 0 {
			return after, nil
		}
	}
}

// userPrinter prints users page by page, so that none has to wait for the last.
type userPrinter interface {
	page(users []login.UserAccount) error
	end() error
}

type userTable struct {
	w       io.Writer
	started bool
}

func (t *userTable) page(users []login.UserAccount) error {
	w := tabwriter.NewWriter(t.w, 0, 4, 2, ' ', 0)
	if !t.started {
		fmt.Fprintln(w, "ID\tE-MAIL\tNAME\tROLES\tSTATE\tCREATED")
		t.started = true
	}
	for _, ua := range users {
		u := shownUserOf(ua)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", u.ID, u.Email, u.Name, strings.Join(u.Roles, ","), u.State, u.CreatedAt.Format(time.DateOnly))
	}
	return w.Flush()
}

func (t *userTable) end() error { return nil }

// userArray is one array of JSON.
type userArray struct {
	w       io.Writer
	started bool
}

func (a *userArray) page(users []login.UserAccount) error {
	for _, ua := range users {
		text, err := json.MarshalIndent(shownUserOf(ua), "  ", "  ")
		if err != nil {
			return err
		}
		before := ",\n  "
		if !a.started {
			before, a.started = "[\n  ", true
		}
		if _, err := fmt.Fprintf(a.w, "%s%s", before, text); err != nil {
			return err
		}
	}
	return nil
}

func (a *userArray) end() error {
	text := "\n]\n"
	if !a.started {
		text = "[]\n"
	}
	_, err := io.WriteString(a.w, text)
	return err
}
