package acceptance_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/testing/contract"
)

// slowCall is a completing call of which only half has been sent.
type slowCall struct {
	net.Conn
	installation *installation
	rest         string
}

// half sends the first half of a completing call.
func (n *node) half(a attempt) *slowCall {
	n.installation.Helper()
	body, err := json.Marshal(a.request)
	must(n.installation, err)
	conn, err := net.Dial("tcp", "127.0.0.1:"+n.port)
	must(n.installation, err)
	n.installation.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	middle := len(body) / 2
	_, err = fmt.Fprintf(conn, "POST /auth/registration HTTP/1.1\r\nHost: localhost:%s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		n.port, a.token, len(body), body[:middle])
	must(n.installation, err)
	return &slowCall{conn, n.installation, string(body[middle:])}
}

// finish sends the rest and returns the answer.
func (c *slowCall) finish() (status int, body string) {
	c.installation.Helper()
	_, err := io.WriteString(c, c.rest)
	must(c.installation, err)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	must(c.installation, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(c.installation, err)
	must(c.installation, contract.Check(http.MethodPost, "/auth/registration", res.StatusCode, res.Header, text))
	return res.StatusCode, string(text)
}

// terminate asks the server to end, and returns once it takes no more connections. Its
// exit status comes when it has ended.
func (n *node) terminate() <-chan int {
	n.installation.Helper()
	// Requests are in the server's hands a moment after they are in the kernel's.
	time.Sleep(100 * time.Millisecond)
	status := make(chan int, 1)
	go func() { status <- n.Stop() }()
	eventually(n.installation, 10*time.Second, "the server takes no more connections", func() bool {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+n.port, time.Second)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	return status
}

// A server that is told to stop finishes the completions it has begun to read, and then
// ends well.
func TestStoppingFinishesWhatIsInFlight(t *testing.T) {
	// Not parallel: it is held to a time.
	inTurn(t, func(h *installation) {
		n := h.serve()
		people := h.inviteMany(h.organisation(), "guest", 8)
		var calls []*slowCall
		for _, inv := range people {
			calls = append(calls, n.half(n.mustBegin(inv)))
		}
		ended := n.terminate()
		for i, c := range calls {
			status, body := c.finish()
			if status != 200 || read[api.RegistrationResult](h, body).User.Username != people[i].Username {
				h.Errorf("%s was answered %d %s", people[i].Username, status, body)
			}
		}
		if status := <-ended; status != 0 {
			h.Errorf("the server ended with status %d: %s", status, n.Stderr())
		}
		h.look().want(len(people))
	})
}

// A request that never comes to its end does not keep the server from ending. The code
// is as good as it was.
func TestStoppingDoesNotWaitForever(t *testing.T) {
	// Not parallel: it is held to a time.
	inTurn(t, func(h *installation) {
		inv := h.invite(h.organisation(), "ada")
		n := h.serve("--drain", "500ms")
		n.half(n.mustBegin(inv))
		begin := time.Now()
		ended := n.terminate()
		status := <-ended
		if status != 1 || time.Since(begin) > 10*time.Second || !strings.Contains(n.Stderr(), "cut off") {
			h.Errorf("after %s the server ended with status %d: %s", time.Since(begin), status, n.Stderr())
		}
		n.restart()
		n.register(inv)
		h.look().want(1)
	})
}
