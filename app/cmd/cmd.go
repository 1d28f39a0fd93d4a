// Package cmd holds the verbs of the program: flags in, wiring, exit code out.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"hasura-login/app/config"
	"hasura-login/app/login"
)

// Environment is the world as a verb sees it.
type Environment struct {
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Vars    []string // as os.Environ
	Version string
	Commit  string
	Date    string // of the commit
	// Settings returns what to read instead of Vars; nil: Vars. It is asked after the
	// flags are parsed.
	Settings func() ([]string, error)
	// Open opens the store that a verb works on; nil: Postgres, as LOGIN_DATABASE_URL says.
	Open func(ctx context.Context, cfg config.Config) (Backend, error)
	// ShowsMail: the service shows the mails that it has no server for, so a verb may
	// queue some without one.
	ShowsMail bool
}

// takesMail refuses to queue mails that would never be sent.
func (e Environment) takesMail(cfg config.Config) error {
	if cfg.SendsMail() || e.ShowsMail {
		return nil
	}
	return fmt.Errorf("no mail is sent: set %sMAIL_SMTP_HOST or %sMAIL_WEBHOOK_URL", config.Prefix, config.Prefix)
}

// Vars is the process's environment, for main.
func Vars() []string { return os.Environ() } //nolint:forbidigo // handed to config, which reads it

// errFailed ends a verb that has already printed what is wrong.
var errFailed = errors.New("failed")

// errUsage marks a command line that is wrong.
var errUsage = errors.New("usage")

// Main runs the verb that args name and returns the exit code: 0 done, 1 not
// done, 2 the command line is wrong.
func Main(ctx context.Context, args []string, env Environment) int {
	root := &cobra.Command{
		Use:   "hasura-login",
		Short: "A login service for Hasura",
		Long:  "A login service for Hasura. Every setting is a LOGIN_* variable; .env.example lists them.",
		// For --version; the verb prints only the version.
		Version: fmt.Sprintf("%s (commit %s, %s)", env.Version, env.Commit, env.Date),
	}
	root.AddCommand(
		serveCommand(env), checkCommand(env), healthCommand(env),
		KeysCommand(env), UsersCommand(env), AuditCommand(env), mailCommand(env), ProjectCommand(env), edgeMetricsCommand(env), versionCommand(env),
	)
	return Run(ctx, root, args, env)
}

// Run runs a command line of root and returns the exit code, as Main does.
func Run(ctx context.Context, root *cobra.Command, args []string, env Environment) int {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions = cobra.CompletionOptions{DisableDefaultCmd: true}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFailed):
		return 1
	case errors.Is(err, errUsage) || strings.HasPrefix(err.Error(), "unknown command"):
		fmt.Fprintln(env.Stderr, root.Name()+":", strings.TrimPrefix(err.Error(), errUsage.Error()+": "))
		fmt.Fprintf(env.Stderr, "Run '%s --help' for what there is.\n", root.Name())
		return 2
	default:
		fmt.Fprintln(env.Stderr, root.Name()+":", text(err))
		return 1
	}
}

// verb makes a command with the named arguments, all of them required.
func verb(use, short string, run func(ctx context.Context, args []string) error) *cobra.Command {
	wanted := strings.Count(use, " ")
	return &cobra.Command{
		Use: use, Short: short,
		Args: func(_ *cobra.Command, args []string) error {
			if open := strings.HasSuffix(use, "..."); len(args) < wanted || !open && len(args) > wanted {
				return fmt.Errorf("%w: it is: hasura-login … %s", errUsage, use)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return run(c.Context(), args) },
	}
}

// group makes a command that only holds others.
func group(name, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Args: func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%w: no such verb: %s %s", errUsage, name, args[0])
		}
		return nil
	}, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(verbs...)
	return c
}

// text is an error as the operator sees it, with its cause.
func text(err error) string {
	var known *login.Error
	if errors.As(err, &known) && errors.Unwrap(known) == nil {
		return known.Message
	}
	return err.Error()
}

// counted is a number with the noun that it counts.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func versionCommand(env Environment) *cobra.Command {
	return verb("version", "Print the version", func(context.Context, []string) error {
		_, err := fmt.Fprintln(env.Stdout, env.Version)
		return err
	})
}

// Load reads the configuration for a verb that cannot go on without it.
func Load(env Environment) (config.Config, error) {
	vars := env.Vars
	if env.Settings != nil {
		var err error
		if vars, err = env.Settings(); err != nil {
			return config.Config{}, err
		}
	}
	cfg, _, err := config.Load(vars)
	if err != nil {
		return cfg, fmt.Errorf("the configuration is not usable:\n%w", err)
	}
	return cfg, nil
}
