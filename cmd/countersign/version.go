package main

import (
	"fmt"
	"io"
	"runtime/debug"
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

type versionCommand struct {
	Database string `hidden:"" help:"Ignored; every command takes it."`
	outputFlags
}

func (v *versionCommand) Run(c console) error {
	return v.print(c, map[string]string{"version": versionText()}, func(w io.Writer) {
		fmt.Fprintln(w, "countersign", versionText())
	})
}
