package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"hasura-login/app/project"
	"hasura-login/hasura"
)

// ProjectCommand holds the verbs for projects of the Hasura CLI.
func ProjectCommand(env Environment) *cobra.Command {
	var o project.Options
	var yes, organizations bool
	add := verb("add DIR", "Add login's actions, types, tables and migrations to a project of the Hasura CLI; shows them first", func(_ context.Context, args []string) error {
		return addToProject(env, args[0], o, yes, organizations)
	})
	add.Flags().StringVar(&o.Source, "source", "default", "the database of the project that gets the tables")
	add.Flags().BoolVar(&o.NoActions, "no-actions", false, "only tables and migrations, for an engine that serves no actions")
	add.Flags().BoolVar(&organizations, "organizations", false, "also the tables of organizations (LOGIN_ORGANIZATIONS)")
	add.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return group("project", "Bring login into a project of the Hasura CLI", add)
}

func addToProject(env Environment, dir string, o project.Options, yes, organizations bool) error {
	ours, err := hasura.Project(), error(nil)
	if organizations {
		if ours, err = hasura.WithOrganizations(); err != nil {
			return err
		}
	}
	plan, err := project.New(os.DirFS(dir), ours, o)
	if err != nil {
		return fmt.Errorf("nothing was changed:\n%w", err)
	}
	if err := plan.Print(env.Stdout); err != nil {
		return err
	}
	if len(plan.Changes) == 0 {
		fmt.Fprintln(env.Stdout, "The project has all of Hasura Login already.")
		return nil
	}
	if !yes && !confirmed(env, fmt.Sprintf("Write these %d files?", len(plan.Changes))) {
		return errors.New("nothing was changed")
	}
	if err := plan.Apply(dir); err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, `Done. What is left to do (docs/existing-hasura.md says how):

  1. Make the roles that the migrations grant rights to
  2. Give Hasura LOGIN_URL, ACTION_SECRET, the JWT setting and the role for requests without a token
  3. hasura migrate apply --database-name %s, then hasura metadata apply
`, o.Source)
	return nil
}
