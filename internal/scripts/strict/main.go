// Strict runs `go test` with the arguments that it is given, prints what go test would
// print, and fails if a test was skipped: what CI calls tested must have run.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is one line of `go test -json`, see `go doc test2json`.
type event struct{ Action, Package, Test, Output string }

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	skipped := report(out, os.Stdout)
	err = cmd.Wait()
	for _, s := range skipped {
		fmt.Println("SKIPPED", s)
	}
	if len(skipped) > 0 || err != nil {
		os.Exit(1)
	}
}

// report prints what packages say and what failing tests say, and returns the tests that
// were skipped, each with its reason.
func report(from io.Reader, to io.Writer) (skipped []string) {
	said := map[[2]string]string{} // by package and test, of tests that have not ended
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return skipped
		}
		var e event
		if json.Unmarshal(line, &e) != nil { // not from test2json
			to.Write(line)
			continue
		}
		test := [2]string{e.Package, e.Test}
		switch {
		case e.Action == "build-output", e.Action == "output" && e.Test == "" && e.Output != "PASS\n":
			io.WriteString(to, e.Output)
		case e.Action == "output" && !strings.HasPrefix(e.Output, "=== "): // which only -v shows
			said[test] += e.Output
		case e.Action == "fail" && e.Test == "": // perhaps of a process that ended in the midst of tests
			for t, output := range said {
				if t[0] == e.Package {
					io.WriteString(to, output)
					delete(said, t)
				}
			}
		case e.Action == "fail":
			io.WriteString(to, said[test])
			delete(said, test)
		case e.Action == "skip" && e.Test != "":
			skipped = append(skipped, fmt.Sprintf("%s %s%s", e.Package, e.Test, reason(said[test])))
			delete(said, test)
		case e.Action == "pass":
			delete(said, test)
		}
	}
}

// reason is what a skipped test said, without the lines that go test adds.
func reason(said string) string {
	lines := slices.DeleteFunc(strings.Split(said, "\n"), func(l string) bool {
		return l == "" || strings.HasPrefix(strings.TrimSpace(l), "---")
	})
	if len(lines) == 0 {
		return ""
	}
	return ": " + strings.TrimSpace(strings.Join(lines, " "))
}
