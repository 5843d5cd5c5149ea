// Strict runs `go test` with its own arguments, prints what go test would print, and fails if a test
// was skipped.
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

// report prints the output of packages and of failing tests, and returns the skipped tests, each with
// its reason.
func report(from io.Reader, to io.Writer) (skipped []string) {
	outputs := map[[2]string]string{} // by package and test, of tests that have not ended
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
			outputs[test] += e.Output
		case e.Action == "fail" && e.Test == "": // perhaps of a process that ended during tests
			for t, output := range outputs {
				if t[0] == e.Package {
					io.WriteString(to, output)
					delete(outputs, t)
				}
			}
		case e.Action == "fail":
			io.WriteString(to, outputs[test])
			delete(outputs, test)
		case e.Action == "skip" && e.Test != "":
			skipped = append(skipped, fmt.Sprintf("%s %s%s", e.Package, e.Test, reason(outputs[test])))
			delete(outputs, test)
		case e.Action == "pass":
			delete(outputs, test)
		}
	}
}

// reason returns the output of a skipped test, without the lines that go test adds.
func reason(output string) string {
	lines := slices.DeleteFunc(strings.Split(output, "\n"), func(l string) bool {
		return l == "" || strings.HasPrefix(strings.TrimSpace(l), "---")
	})
	if len(lines) == 0 {
		return ""
	}
	return ": " + strings.TrimSpace(strings.Join(lines, " "))
}
