// Command countersign is the server and its operator's tools in one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/app"
)

// Exit statuses. Scripts depend on them.
const (
	exitFailure = 1
	exitMisuse  = 2
)

// commands is the command line. Every flag has an environment variable (COUNTERSIGN_ and its name)
// and a key in the config file.
type commands struct {
	Config kong.ConfigFlag `help:"JSON file with a key for each flag, like {\"public_url\": \"https://sign.example.org\"}." placeholder:"FILE"`

	Serve          serveCommand           `cmd:"" help:"Run the server."`
	Org            orgCommands            `cmd:"" help:"Create and list organisations, set their policies."`
	User           userCommands           `cmd:"" help:"Invite, list, show, deactivate, activate and recover users."`
	Credential     credentialCommands     `cmd:"" help:"List, rename, deactivate, activate and remove a user's credentials."`
	ServiceAccount serviceAccountCommands `cmd:"" help:"Create, list, deactivate, activate and remove service accounts."`
	Code           codeCommands           `cmd:"" help:"List and revoke registration codes."`
	Receipt        receiptCommands        `cmd:"" help:"Verify and export receipts of signed actions."`
	Key            keyCommands            `cmd:"" help:"List and rotate the keys that sign tokens and receipts."`
	Policy         policyCommands         `cmd:"" help:"Show, set and try which authenticators an organisation accepts."`
	Metadata       metadataCommands       `cmd:"" help:"Load and show the FIDO metadata of authenticators."`
	Refusal        refusalCommands        `cmd:"" help:"Explain a refused request."`
	Doctor         doctorCommand          `cmd:"" help:"Check the configuration and the database."`
	Version        versionCommand         `cmd:"" help:"Print the version."`
}

// console is where a command prints.
type console struct {
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], console{out: os.Stdout, err: os.Stderr}))
}

// errExit is the panic that ends run when kong has printed --help.
type errExit int

func run(ctx context.Context, args []string, c console) (status int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case errExit:
			status = int(r)
		default:
			panic(r)
		}
	}()
	parser, err := newParser(ctx, c)
	if err != nil {
		fmt.Fprintln(c.err, "countersign:", err)
		return exitFailure
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(c.err, "countersign: %s; see countersign --help\n", sentence(err))
		return exitMisuse
	}
	if err := k.Run(); err != nil {
		lastWords(c.err, "countersign: "+sentence(err)+"\n")
		if isMisuse(err) || api.KindOf(err) == api.Invalid {
			return exitMisuse
		}
		return exitFailure
	}
	return 0
}

// lastWords writes text, but does not keep the process from ending if nobody reads it.
func lastWords(w io.Writer, text string) {
	b := newBackgroundWriter(w)
	io.WriteString(b, text)
	b.Close()
}

// newParser returns the parser of the command line.
func newParser(ctx context.Context, c console) (*kong.Kong, error) {
	return kong.New(&commands{},
		kong.Name("countersign"),
		kong.Description("Registers people and service accounts by passkey or key, and has them sign what matters."),
		kong.DefaultEnvars("COUNTERSIGN"),
		kong.Configuration(readConfig),
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { panic(errExit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(c),
	)
}

// misuseError is the error of a command whose flags or arguments are wrong.
type misuseError struct{ error }

func (e misuseError) Unwrap() error { return e.error }

func isMisuse(err error) bool {
	var flags misuseError
	var config app.ConfigError
	return errors.As(err, &flags) || errors.As(err, &config)
}

func misuse(format string, args ...any) error { return misuseError{fmt.Errorf(format, args...)} }

// sentence returns an error as one line for a person at the command line.
func sentence(err error) string {
	text := err.Error()
	var e *api.Error
	if errors.As(err, &e) {
		prefix, _, _ := strings.Cut(text, e.Error())
		text = prefix + e.Message
		if e.Cause != nil {
			text = strings.TrimSuffix(text, ".") + ": " + e.Cause.Error()
		}
	}
	return strings.TrimSuffix(strings.ReplaceAll(strings.TrimSpace(text), "\n", " "), ".")
}
