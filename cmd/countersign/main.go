// Command countersign is the server and its operator's tools in one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/countersign/countersign/api"
)

// version is set when a release is built.
var version = ""

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// Exit statuses: a contract with whoever scripts the commands.
const (
	exitFailure = 1
	exitMisuse  = 2
)

// commands is the command line. Every flag has an environment variable
// (COUNTERSIGN_ and its name) and a key in the config file.
type commands struct {
	Config kong.ConfigFlag `help:"JSON file with a key for each flag, like {\"public_url\": \"https://sign.example.org\"}." placeholder:"FILE"`

	Serve          serveCommand           `cmd:"" help:"Run the server."`
	Org            orgCommands            `cmd:"" help:"Make and list organisations, set their policies."`
	User           userCommands           `cmd:"" help:"Invite, list and show users, deactivate them and put them back."`
	Credential     credentialCommands     `cmd:"" help:"List a user's credentials, withdraw them and put them back."`
	ServiceAccount serviceAccountCommands `cmd:"" help:"Make, list and withdraw service accounts, which programs use."`
	Code           codeCommands           `cmd:"" help:"List and revoke registration codes."`
	Receipt        receiptCommands        `cmd:"" help:"Verify and export receipts of signed actions."`
	Key            keyCommands            `cmd:"" help:"List and rotate the keys that sign tokens and receipts."`
	Refusal        refusalCommand         `cmd:"" help:"Explain a refused request."`
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
	os.Exit(run(ctx, os.Args[1:], console{out: os.Stdout, err: os.Stderr}))
}

// errExit unwinds from kong's own --help.
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
	var cli commands
	parser, err := kong.New(&cli,
		kong.Name("countersign"),
		kong.Description("Registers people and machines by passkey or key, and makes them sign what matters."),
		kong.DefaultEnvars("COUNTERSIGN"),
		kong.Configuration(readConfig),
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { panic(errExit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(c),
	)
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
		fmt.Fprintln(c.err, "countersign:", sentence(err))
		var misuse misuseError
		if errors.As(err, &misuse) || api.KindOf(err) == api.Invalid {
			return exitMisuse
		}
		return exitFailure
	}
	return 0
}

// misuseError is a command that was given what it cannot take.
type misuseError struct{ error }

func (e misuseError) Unwrap() error { return e.error }

func misuse(format string, args ...any) error { return misuseError{fmt.Errorf(format, args...)} }

// sentence is what a person at the command line reads of an error: one line.
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

type versionCommand struct {
	Database string `hidden:"" help:"Not looked at; every command takes it."`
	outputFlags
}

func (v *versionCommand) Run(c console) error {
	return v.print(c, map[string]string{"version": versionText()}, func(w io.Writer) {
		fmt.Fprintln(w, "countersign", versionText())
	})
}
