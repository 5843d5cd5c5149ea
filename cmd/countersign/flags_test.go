package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "write docs/flags.md")

const flagsFile = "../../docs/flags.md"

// docs/flags.md lists the flags that the commands take.
func TestFlagsAreDocumented(t *testing.T) {
	parser, err := newParser(t.Context(), console{out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	want := describeFlags(parser.Model.Node)
	if *update {
		if err := os.WriteFile(flagsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(flagsFile)
	if err != nil || string(got) != want {
		t.Errorf("%s differs from the commands (%v); run go test ./cmd/countersign -run %s -update", flagsFile, err, t.Name())
	}
}

// manyCommands is how many commands take a flag that is described once for all of them.
const manyCommands = 5

// describeFlags returns the text of docs/flags.md.
func describeFlags(root *kong.Node) string {
	var b strings.Builder
	b.WriteString(`# Flags of each command

Each flag has an environment variable and a key in the JSON file that ` + "`--config`" + ` names: the
flag's name with underscores, like ` + "`public_url`" + `. The command line comes first, then the
environment, then the file. A flag whose variable is – has no key either.

Written by ` + "`go test ./cmd/countersign -run TestFlagsAreDocumented -update`" + `; do not edit.

## Every command

`)
	writeFlags(&b, visible(root.Flags))
	takers := map[string]int{} // by row
	var common []*kong.Flag
	for _, c := range root.Leaves(true) {
		for _, f := range visible(c.Flags) {
			if takers[flagRow(f)]++; takers[flagRow(f)] == manyCommands {
				common = append(common, f)
			}
		}
	}
	b.WriteString("\n## Common flags\n\n")
	writeFlags(&b, common)
	for _, c := range root.Leaves(true) {
		fmt.Fprintf(&b, "\n## countersign %s\n\n%s\n", c.Path(), sentences(c.Help))
		for _, a := range c.Positional {
			fmt.Fprintf(&b, "\nArgument `%s`: %s\n", a.Summary(), sentences(a.Help))
		}
		own := visible(c.Flags)
		var taken, left []string
		for _, f := range common {
			same := func(g *kong.Flag) bool { return flagRow(g) == flagRow(f) }
			if slices.ContainsFunc(own, same) {
				taken = append(taken, "`--"+f.Name+"`")
			} else {
				left = append(left, "`--"+f.Name+"`")
			}
			own = slices.DeleteFunc(own, same)
		}
		switch {
		case len(left) == 0:
			b.WriteString("\nTakes the common flags.\n")
		case len(left) < len(taken):
			fmt.Fprintf(&b, "\nTakes the common flags except %s.\n", strings.Join(left, ", "))
		default:
			fmt.Fprintf(&b, "\nTakes %s of the common flags.\n", strings.Join(taken, ", "))
		}
		if len(own) > 0 {
			b.WriteString("\n")
			writeFlags(&b, own)
		}
	}
	return b.String()
}

func visible(flags []*kong.Flag) []*kong.Flag {
	return slices.DeleteFunc(slices.Clone(flags), func(f *kong.Flag) bool { return f.Hidden })
}

func writeFlags(b *strings.Builder, flags []*kong.Flag) {
	b.WriteString("| flag | default | environment variable | meaning |\n|---|---|---|---|\n")
	for _, f := range flags {
		b.WriteString(flagRow(f))
	}
}

func flagRow(f *kong.Flag) string {
	name := "--" + f.Name
	if !f.IsBool() {
		name += "=" + cmp.Or(f.PlaceHolder, strings.ToUpper(f.Name))
	}
	value := "–"
	switch {
	case f.Required:
		value = "required"
	case f.Default != "":
		value = "`" + f.Default + "`"
	}
	variable := "–"
	if len(f.Envs) > 0 {
		variable = "`" + strings.Join(f.Envs, "`, `") + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, value, variable, strings.ReplaceAll(sentences(f.Help), "|", `\|`))
}

// sentences returns a help text with its last full stop.
func sentences(help string) string {
	if strings.HasSuffix(help, ".") || strings.HasSuffix(help, "…") {
		return help
	}
	return help + "."
}
