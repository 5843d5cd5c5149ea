package main

import (
	"slices"
	"strings"
	"testing"
)

// The output of packages and of failing tests is printed; skipped tests are returned.
func TestReport(t *testing.T) {
	const said = `{"Action":"build-output","ImportPath":"x","Output":"# x\n"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"    good.go:1: noise\n"}
{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"=== RUN   TestBad\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"--- FAIL: TestBad\n"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"    bad.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestBad"}
{"Action":"output","Package":"p","Test":"TestNot","Output":"    not.go:1: no server\n"}
{"Action":"output","Package":"p","Test":"TestNot","Output":"--- SKIP: TestNot (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestNot"}
{"Action":"output","Package":"p","Test":"TestCut","Output":"panic: boo\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
{"Action":"output","Package":"q","Output":"PASS\n"}
{"Action":"output","Package":"q","Output":"ok  \tq\t0.1s\n"}
{"Action":"pass","Package":"q"}
{"Action":"skip","Package":"r"}
not JSON
`
	var printed strings.Builder
	skipped := report(strings.NewReader(said), &printed)
	if want := []string{"p TestNot: not.go:1: no server"}; !slices.Equal(skipped, want) {
		t.Errorf("skipped %q, want %q", skipped, want)
	}
	want := "# x\n--- FAIL: TestBad\n    bad.go:1: wrong\nFAIL\tp\t0.1s\npanic: boo\nok  \tq\t0.1s\nnot JSON\n"
	if printed.String() != want {
		t.Errorf("printed %q, want %q", printed.String(), want)
	}
}
