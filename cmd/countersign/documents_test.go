package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// copied returns the lines that README and documents give to a shell: those of fences of sh, and
// indented ones that begin with a command of this program.
func copied(t *testing.T) (fences, lines []string) {
	t.Helper()
	fence := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	indented := regexp.MustCompile(`(?m)^    (countersign .*)$`)
	for _, pattern := range []string{"../../README.md", "../../SECURITY.md", "../../docs/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range fence.FindAllStringSubmatch(string(text), -1) {
				fences = append(fences, f[1])
				lines = append(lines, strings.Split(strings.ReplaceAll(f[1], "\\\n", " "), "\n")...)
			}
			for _, l := range indented.FindAllStringSubmatch(string(text), -1) {
				lines = append(lines, l[1])
			}
		}
	}
	return fences, lines
}

// A shell can read the documents' scripts, and every command is one that the program takes, with
// these flags.
func TestCommandsOfTheDocuments(t *testing.T) {
	fences, lines := copied(t)
	for _, f := range fences {
		cmd := exec.Command("bash", "-n")
		cmd.Stdin = strings.NewReader(f)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("a shell cannot read this: %v %s\n%s", err, out, f)
		}
	}
	parsed := 0
	for _, line := range lines {
		command, found := strings.CutPrefix(line, "countersign ")
		if !found { // settings may stand before it
			if _, command, found = strings.Cut(line, " countersign "); !found || !strings.HasPrefix(line, "COUNTERSIGN_") {
				continue
			}
		}
		parser, err := newParser(t.Context(), console{out: io.Discard, err: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(words(command)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		parsed++
	}
	if len(fences) < 3 || parsed < 25 {
		t.Errorf("only %d scripts and %d commands were found", len(fences), parsed)
	}
}

// words splits a command as a shell does, without comment, redirection and the brackets of what may
// be left out.
func words(command string) (all []string) {
	command, _, _ = strings.Cut(command, " #")
	command, _, _ = strings.Cut(command, " > ")
	for _, w := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(strings.NewReplacer("[", "", "]", "").Replace(command), -1) {
		all = append(all, strings.Trim(w, `"`))
	}
	return all
}
