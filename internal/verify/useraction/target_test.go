package useraction_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/countersign/countersign/internal/verify/useraction"
)

func TestSamePath(t *testing.T) {
	for _, c := range []struct {
		signed, sent string
		same         bool
	}{
		{"/auth/users", "/auth/users", true},
		{"/auth/users", "/auth/users?force=true", true}, // not signed by some SDKs
		{"/auth/users?force=true", "/auth/users?force=true", true},
		{"/u/a%20b", "/u/a%20b", true},
		{"/u/a%2db", "/u/a-b", true},
		{"/u/%c3%bc", "/u/%C3%BC", true},

		{"/auth/users?force=true", "/auth/users", false},
		{"/auth/users?force=true", "/auth/users?force=false", false},
		{"/auth/users?a=1&b=2", "/auth/users?b=2&a=1", false},
		{"/auth/users?", "/auth/users?force=true", false}, // signed with an empty query
		{"/auth/users", "/auth/users/", false},
		{"/auth/users", "/auth//users", false},
		{"/auth/users", "/Auth/users", false},
		{"/a/b", "/a%2Fb", false},
		{"/a%2Fb", "/a/b", false},
		{"/a/../b", "/b", false},
		{"/a", "/a;x=1", false},
		{"/a", "/a%3fforce=true", false},
		{"/a%zz", "/a%ZZ", false},
		{"https://pay.example.org/a", "/a", false},
		{"/a", "https://pay.example.org/a", false},
	} {
		if got := useraction.SamePath(c.signed, c.sent); got != c.same {
			t.Errorf("SamePath(%q, %q) is %v", c.signed, c.sent, got)
		}
	}
}

func TestSameTarget(t *testing.T) {
	for _, c := range []struct {
		signed, sent string
		same         bool
	}{
		{"/a", "/a", true},
		{"/a?x=1", "/a?x=1", true},
		{"/a", "/a?x=1", false},
		{"/a", "/a?", false},
		{"/a?x=1", "/a", false},
		{"/a?x=1", "/a?x=2", false},
		{"/a?x=1", "/b?x=1", false},
	} {
		if got := useraction.SameTarget(c.signed, c.sent); got != c.same {
			t.Errorf("SameTarget(%q, %q) is %v", c.signed, c.sent, got)
		}
	}
}

func TestOneMeaning(t *testing.T) {
	for _, target := range []string{
		"/", "/a/b", "/a/b/", "/a/b?x=../y", "/a/b?x=%2e%2e%2fy;z//", "/a%20b/c.d", "/.well-known/x", "/c%2ed", "/a...b", "/v1/x:cancel",
		"/%C3%BC/%E5%B1%B1%E7%94%B0", "/100%25", "/a@b/~c/d,e/f=g/h+i", "/a?b?c", "/a?",
		"https://pay.example.org/a?x", "https://pay.example.org", "https://pay.example.org?x", "http://localhost:8080/a", "https://[2001:db8::1]:8443/a",
	} {
		if !useraction.OneMeaning(target) || !useraction.SameTarget(target, target) {
			t.Errorf("OneMeaning(%q) is false", target)
		}
	}
	for _, target := range manyMeanings {
		if useraction.OneMeaning(target) || useraction.SameTarget(target, target) {
			t.Errorf("OneMeaning(%q) is true", target)
		}
		if strings.HasPrefix(target, "/") && useraction.OneMeaning("https://pay.example.org"+target) {
			t.Errorf("OneMeaning(%q) is true behind an origin", target)
		}
	}
}

// manyMeanings are targets that one server reads as another path than the next.
var manyMeanings = []string{
	"", "a", "*", "a/b",
	// dot segments
	"/a/../b", "/a/./b", "/..", "/.", "/a/..", "/a/.", "/a/.../b", "/a/%2e%2e/b", "/a/%2E%2e/b", "/a/.%2e/b", "/a/%2e./b", "/a/%2e/b",
	"/a/..;/b", "/a/..;x/b", "/a/..;x=1/b", "/a/.;/b", "/a/.;x/b", "/a/..%3b/b", "/a/..%3Bx=y/b", "/a/%2e%2e;/b", "/a/%2e;/b",
	"/a/..%20/b", "/a/%20../b", "/a/.%20./b", "/a/. ./b", "/a/..%09/b", "/a/..%00/b", "/a/..%0d/b", "/a/..%a0/b", "/a/..%c2%a0/b",
	// encodings of encodings
	"/a/%252e%252e/b", "/a/%25%32%65%25%32%65/b", "/a/%25252e/b", "/a/%252f", "/a/%255c", "/a/%u002e%u002e/b", "/a/%25u002e/b", "/a/%ef%bc%852e/b", "/%2525",
	// overlong, surrogate and cut short UTF-8
	"/a/%c0%ae%c0%ae/b", "/a/%c0%2e/b", "/a%c0%afb", "/a%e0%80%afb", "/a%f0%80%80%afb", "/a%c1%9cb", "/a%ed%a0%80b", "/a%c3", "/a%ffb", "/a%80",
	// separators
	"//a", "/a//b", "/a//", "//", "/a/%2Fb", "/a%2fb", "/a%2Fb", "/%2f", "/%2f%2fevil.example", `/a\b`, "/a%5cb", "/a%5C..%5Cb", "/a;b", "/a;", "/;/a", "/a%3bb", "/a%3fx=1", "/a%23b", "/a#b", "/a?b#c",
	// what Unicode maps to them
	"/a/%ef%bc%8e%ef%bc%8e/b", "/a/%e2%80%a4%e2%80%a4/b", "/a/%e2%80%a5/b", "/a/%e2%80%a6/b", "/a/%ef%b9%92./b", "/a/.%ef%bc%8e/b", "/a/%ef%bd%a1%e3%80%82/b", "/a/%ef%b8%b0/b",
	"/a%ef%bc%8fb", "/a%e2%88%95b", "/a%e2%81%84b", "/a%ef%bc%bcb", "/a%ef%b9%a8b", "/a%ef%bc%9bb", "/a%cd%beb", "/a%e2%84%85b", "/a%ef%bc%9fb", "/a%ef%bc%83b",
	// the ends of a segment
	"/a.", "/a./b", "/a..", "/a%2e", "/a%20", "/a%20/b", "/%20a", "/a%ef%bc%8e",
	// characters that cannot be seen, or are no characters
	"/a%00", "/a%00.json", "/a%0a", "/a%0d%0ab", "/a%09b", "/a%7f", "/a%c2%85", "/a/.%e2%80%8b./b", "/a/.%c2%ad./b", "/a%e2%80%aeb", "/a%ef%bb%bf", "/a b", "/a\x00", "/a\r\n", "/ü", "/a?x=\x00", "/a?x=ü", "/a?x y",
	"/a%zz", "/a%", "/a%2", "/%%32%65",
	// absolute addresses
	"https://", "https:///a", "https:/a", "https:a", "HTTPS://pay.example.org/a", "ftp://pay.example.org/a", "file:///a", "javascript://pay.example.org/a",
	"https://ada@pay.example.org/a", "https://pay.example.org@evil.example/a", "https://pay.example.org:x@evil.example/a", "https://pay.example.org:443@evil.example/a",
	"https://pay.example.org:/a", "https://pay.example.org:0/a", "https://pay.example.org:0443/a", "https://pay.example.org:65536/a", "https://pay.example.org:4 43/a", "https://pay.example.org:+443/a",
	`https://pay.example.org\@evil.example/a`, "https://pay.example.orghttps://pay.example.org/a", "https://pay.example.org%2f/a", "https://pay.example.org;/a", "https://[::1/a", "https://[]/a", "https://[::1]x/a", "https://::1/a",
	"https://pay.example.org/a/../b", "https://pay.example.org//a",
}

// What has one meaning stays what it is under everything that other servers do to a path.
func FuzzOneMeaning(f *testing.F) {
	for _, target := range append(manyMeanings, "/a/b?x", "/100%25", "https://pay.example.org/a", "/a/%E5%B1%B1") {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if !strings.HasPrefix(target, "/") || !useraction.OneMeaning(target) {
			return
		}
		raw, _, _ := strings.Cut(target, "?")
		once, err := url.PathUnescape(raw)
		if err != nil {
			t.Fatalf("%q cannot be decoded", target)
		}
		twice, err := url.PathUnescape(once)
		if err != nil {
			twice = once
		}
		for what, read := range map[string]string{"raw": raw, "decoded": once, "decoded twice": twice, "normalised": norm.NFKC.String(once)} {
			clean := path.Clean(read)
			if strings.HasSuffix(read, "/") && clean != "/" {
				clean += "/"
			}
			if read != clean || strings.Count(read, "/") != strings.Count(raw, "/") || strings.ContainsAny(read, "\\;#?\x00") {
				t.Errorf("%q, %s, is %q", target, what, read)
			}
		}
	})
}
