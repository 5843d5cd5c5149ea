package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"
)

// configFile is the config file: a JSON object with a key for each flag, its name written with
// underscores. The command line comes first, then the environment, then the file.
type configFile map[string]any

func readConfig(r io.Reader) (kong.Resolver, error) {
	var c configFile
	if err := json.UnmarshalRead(r, &c); err != nil {
		return nil, fmt.Errorf("the config file must be one JSON object: %w", err)
	}
	return c, nil
}

// Validate refuses a key that no flag has: it may be a misspelt setting that matters.
func (c configFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	collect(app.Node, known)
	for key := range c {
		if !known[key] {
			return fmt.Errorf("the config file has the key %q, which no flag has; keys are written like public_url", key)
		}
	}
	return nil
}

// collect adds the keys of the flags of all commands: they may share one file.
func collect(n *kong.Node, known map[string]bool) {
	for _, f := range n.Flags {
		known[configKey(f)] = true
	}
	for _, child := range n.Children {
		collect(child, known)
	}
}

func configKey(f *kong.Flag) string { return strings.ReplaceAll(f.Name, "-", "_") }

// Resolve returns the value of a flag, nil if the file has none. A flag without an environment
// variable has no key either.
func (c configFile) Resolve(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
	if len(f.Envs) == 0 {
		return nil, nil
	}
	for _, name := range f.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	return c[configKey(f)], nil
}
