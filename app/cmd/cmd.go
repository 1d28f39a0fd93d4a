// Package cmd holds the verbs of the program: flags in, wiring, exit code out.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"hasura-login/app/config"
	"hasura-login/app/login"
)

// Environment is what a verb sees of the world.
type Environment struct {
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Vars    []string // as os.Environ
	Version string
}

// Vars is the process's environment, for main.
func Vars() []string { return os.Environ() } //nolint:forbidigo // handed to config, which reads it

type verbs struct {
	Dev     devVerb     `cmd:"" help:"Run everything for development on loopback: login, a stand-in for Hasura, SQLite."`
	Serve   serveVerb   `cmd:"" help:"Run in production; configured by LOGIN_* variables and secret files alone."`
	Check   checkVerb   `cmd:"" help:"Read the configuration, report every error at once, print it masked."`
	Health  healthVerb  `cmd:"" help:"Ask the running service on its local ops listener; exit 1 if it is not well."`
	Keys    keysVerb    `cmd:"" help:"The ring of signing keys in LOGIN_KEYS_DIR."`
	Users   usersVerb   `cmd:"" help:"The users, for operators."`
	Version versionVerb `cmd:"" help:"Print the version."`
}

// errFailed ends a verb that has already said what is wrong.
var errFailed = errors.New("failed")

// exit stops the parser where it would end the process.
type exit int

// Main runs the verb that args name and returns the exit code: 0 done, 1 not
// done, 2 the command line is wrong.
func Main(ctx context.Context, args []string, env Environment) (code int) {
	defer func() {
		if r := recover(); r != nil {
			wanted, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(wanted)
		}
	}()
	parser, err := kong.New(&verbs{},
		kong.Name("hasura-login"),
		kong.Description("A login service for Hasura. Every setting is a LOGIN_* variable; .env.example lists them."),
		kong.Writers(env.Stdout, env.Stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(env),
	)
	if err != nil {
		fmt.Fprintln(env.Stderr, "hasura-login:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(env.Stderr, "hasura-login:", err)
		fmt.Fprintln(env.Stderr, "Run 'hasura-login --help' for what there is.")
		return 2
	}
	if err := parsed.Run(); err != nil {
		if !errors.Is(err, errFailed) {
			fmt.Fprintln(env.Stderr, "hasura-login:", text(err))
		}
		return 1
	}
	return 0
}

// text is an error for the person at the terminal, who may see its cause.
func text(err error) string {
	var known *login.Error
	if errors.As(err, &known) && errors.Unwrap(known) == nil {
		return known.Message
	}
	return err.Error()
}

type versionVerb struct{}

func (versionVerb) Run(env Environment) error {
	_, err := fmt.Fprintln(env.Stdout, env.Version)
	return err
}

// load reads the configuration for a verb that cannot go on without it.
func load(env Environment) (config.Config, error) {
	cfg, _, err := config.Load(env.Vars)
	if err != nil {
		return cfg, fmt.Errorf("the configuration is not usable:\n%w", err)
	}
	return cfg, nil
}
