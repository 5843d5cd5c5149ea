package attack_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/receipt"
)

// statusLines are texts that look like the beginning of an answer, all 32 bytes long.
func statusLines() (all []string) {
	for _, status := range []string{"100 Continue", "400 Bad Request", "417 Expectation Failed", "431 Request Header Fi",
		"501 Not Implemented", "505 HTTP Version Not S", "200 OK"} {
		all = append(all, fmt.Sprintf("%-32s", "HTTP/1.1 "+status))
	}
	return all
}

// ask sends a request on a connection that stays open and returns the answer with its body.
func ask(t *testing.T, c net.Conn, from *bufio.Reader, method, path, token, body string) (*http.Response, string) {
	t.Helper()
	go fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, path, token, len(body), body)
	res, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: answered %d %.300q, %v", method, path, res.StatusCode, b, err)
	}
	return res, string(b)
}

// What looks like a status line is a body like any other, wherever in an answer it stands: at
// each offset of every buffer, with a length or in chunks, over TLS or not.
func TestNoAnswerIsOverwritten(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]countersigntest.Option{"HTTP/1.1": nil, "TLS": {countersigntest.TLS()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := world.Open(t, options...)
			ada := h.Employee(t)
			session := h.LogIn(t, ada)
			var c net.Conn = dial(t, h)
			if options != nil {
				c = dialTLS(t, h)
			}
			from := bufio.NewReader(c)
			lines := statusLines()
			for shift := range lines[0] {
				payload := strings.Repeat("-", shift) + strings.Repeat(strings.Join(lines, ""), 80)
				action := h.Sign(t, ada, session, "POST", "/orders", payload)
				_, got := ask(t, c, from, "POST", consumePath, "", world.JSON(t, map[string]string{
					"userAction": action, "httpMethod": "POST", "httpPath": "/orders", "payload": payload}))
				var used api.ConsumedAction
				must(t, json.Unmarshal([]byte(got), &used))
				_, got = ask(t, c, from, "GET", "/countersign/actions/"+used.ActionID, session, "")
				for what, document := range map[string]string{"consumed": used.Receipt, "shown": got} {
					proven, _, err := receipt.Verify([]byte(document), nil)
					if err != nil || proven.Action.Payload != payload {
						t.Fatalf("shifted by %d, the receipt that was %s is changed: %v", shift, what, err)
					}
				}
			}

			names := make([]string, 600) // some 200 KB of log, the lines at odd offsets
			invitees := make([]user.Invitee, len(names))
			for i := range names {
				names[i] = fmt.Sprintf("%s %d%s", strings.TrimSpace(lines[i%len(lines)]), i, strings.Repeat("x", i%61))
				invitees[i] = user.Invitee{Username: names[i]}
			}
			must(t, h.Users.InviteAll(context.Background(), h.Org.ID, invitees, code.DefaultLifetime, func(user.Invitation) error { return nil }))
			res, log := ask(t, c, from, "GET", "/auth/action/logs?startTime=2020-01-01T00:00:00Z&endTime=2100-01-01T00:00:00Z", session, "")
			if !slices.Equal(res.TransferEncoding, []string{"chunked"}) {
				t.Errorf("the log came in the encoding %v, want chunks", res.TransferEncoding)
			}
			rows, err := csv.NewReader(strings.NewReader(log)).ReadAll()
			must(t, err)
			logged := map[string]bool{}
			for _, row := range rows {
				for _, field := range row {
					logged[field] = true
				}
			}
			for _, name := range names {
				if !logged["The operator invited "+name] {
					t.Fatalf("the log does not have the invitation of %q", name)
				}
			}
			ask(t, c, from, "GET", "/healthz", "", "") // the connection is where it should be
		})
	}
}
