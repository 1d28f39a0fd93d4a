package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/mail"
)

// mailCommand shows mails without sending them.
func mailCommand(env Environment) *cobra.Command {
	var tag string
	var asHTML bool
	preview := verb("preview KIND", "Print a mail as it is sent, with invented content; without a kind, list the kinds", func(_ context.Context, args []string) error {
		if len(args) == 0 {
			return listMails(env)
		}
		return previewMail(env, login.MailKind(args[0]), tag, asHTML)
	})
	preview.Args = cobra.MaximumNArgs(1)
	preview.Flags().StringVar(&tag, "language", "", "such as de; default: LOGIN_MAIL_LANGUAGE")
	preview.Flags().BoolVar(&asHTML, "html", false, "the HTML, to open in a browser")
	return group("mail", "The mails of this configuration, with the brand of LOGIN_BRAND_DIR", preview)
}

func listMails(env Environment) error {
	var names []string
	for _, kind := range login.MailKinds() {
		names = append(names, string(kind))
	}
	slices.Sort(names)
	_, err := fmt.Fprintln(env.Stdout, strings.Join(names, "\n"))
	return err
}

func previewMail(env Environment, kind login.MailKind, tag string, asHTML bool) error {
	cfg, err := Load(env)
	if err != nil {
		return err
	}
	p, err := PreviewMail(cfg, kind, tag)
	if err != nil {
		return fmt.Errorf("%w; hasura-login mail preview lists them", err)
	}
	if asHTML {
		_, err = fmt.Fprint(env.Stdout, p.HTML)
	} else {
		_, err = fmt.Fprintf(env.Stdout, "%s\n\n%s", p.Subject, p.Text)
	}
	return err
}

// PreviewMail renders a mail of this configuration with invented content.
func PreviewMail(cfg config.Config, kind login.MailKind, tag string) (mail.Preview, error) {
	all, err := templates(cfg)
	if err != nil {
		return mail.Preview{}, err
	}
	return all.Preview(kind, tag)
}
