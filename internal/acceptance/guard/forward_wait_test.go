package guard_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
)

// Proxies announce the original's body and never send it. What needs no body is answered at
// once, and the connection ends: what comes next on it would be taken for that body.
func TestForwardAuthWaitsForNoBody(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	const path = "/transfers?fast=1"
	length, chunks := []string{"Content-Length: 57"}, []string{"Transfer-Encoding: chunked"}
	original := []string{"X-Original-Method: POST", "X-Original-URI: " + path}
	for name, c := range map[string]struct {
		query   string
		headers []string
		want    int
	}{
		"upstream":                       {"?body=upstream", slices.Concat(length, original), 200},
		"upstream, chunked":              {"?body=upstream", slices.Concat(chunks, original), 200},
		"upstream, forwarded":            {"?body=upstream", slices.Concat(length, []string{"X-Forwarded-Method: POST", "X-Forwarded-Uri: " + path}), 200},
		"told, a body":                   {"?body=told", slices.Concat(length, original, []string{"X-Original-Content-Length: 57"}), 403},
		"told none, announced one":       {"?body=told", slices.Concat(length, original, []string{"X-Original-Content-Length: 0"}), 403},
		"told, chunked":                  {"?body=told", slices.Concat(chunks, original, []string{"X-Original-Transfer-Encoding: chunked"}), 403},
		"no original":                    {"?body=passed", length, 400},
		"half an original":               {"?body=passed", slices.Concat(length, original[:1]), 400},
		"unknown way":                    {"?body=other", slices.Concat(length, original), 400},
		"more than is read":              {"?body=passed", slices.Concat([]string{"Content-Length: 100000"}, original), 413},
		"Envoy, part of a body":          {path[len("/transfers"):], slices.Concat(length, []string{"X-Envoy-Auth-Partial-Body: true"}), 403},
		"Envoy that says nothing of one": {path[len("/transfers"):], length, 403},
	} {
		t.Run(name, func(t *testing.T) {
			token := ada.Sign(t, ada.token, "POST", path, transfer)
			target := endpoint + c.query
			if strings.HasPrefix(name, "Envoy") {
				target = endpoint + path
			}
			for _, signed := range []bool{false, true} {
				headers, want := c.headers, c.want
				if signed {
					headers = append(slices.Clone(headers), "X-DFNS-USERACTION: "+token)
				} else if want == 200 || want == 413 {
					want = 403
				}
				conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(3 * time.Second))
				method := "GET"
				if strings.HasPrefix(name, "Envoy") {
					method = "POST"
				}
				fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", method, target, strings.Join(headers, "\r\n"))
				res, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatalf("signed %v: no answer: %v", signed, err)
				}
				body, _ := io.ReadAll(res.Body)
				if res.Body.Close(); res.StatusCode/100 != want/100 || signed && res.StatusCode != want {
					t.Errorf("signed %v: answered %d %s, want %d", signed, res.StatusCode, body, want)
				}
				if !res.Close {
					t.Errorf("signed %v: the connection stays", signed)
				}
			}
		})
	}
	t.Run("a body that comes keeps the connection", func(t *testing.T) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		answers := bufio.NewReader(conn)
		for range 2 {
			fmt.Fprintf(conn, "GET %s?body=passed HTTP/1.1\r\nHost: localhost\r\n%s\r\nX-DFNS-USERACTION: %s\r\nContent-Length: %d\r\n\r\n%s", endpoint,
				strings.Join(original, "\r\n"), ada.Sign(t, ada.token, "POST", path, transfer), len(transfer), transfer)
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			if res.StatusCode != 200 || res.Close {
				t.Errorf("answered %d, closes: %v", res.StatusCode, res.Close)
			}
		}
	})
}
