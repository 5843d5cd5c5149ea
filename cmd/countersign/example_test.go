package main

import (
	"context"
	"os"
)

func Example() {
	defer func(was string) { version = was }(version)
	version = "1.2.3" // set when a release is built
	run(context.Background(), []string{"version"}, console{out: os.Stdout, err: os.Stderr})
	// Output: countersign 1.2.3
}
