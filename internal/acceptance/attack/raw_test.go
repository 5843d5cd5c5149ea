package attack_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
)

// dial opens a bare connection to the server.
func dial(t *testing.T, h *world.Organisation) *net.TCPConn {
	t.Helper()
	u, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", "127.0.0.1:"+u.Port())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(25 * time.Second))
	return c.(*net.TCPConn)
}

// hear reads one answer to a request of the given method and path.
func hear(t *testing.T, from *bufio.Reader, method, path string) world.Answer {
	t.Helper()
	res, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: no answer: %v", method, path, err)
	}
	return world.ReadAnswer(t, method, path, res)
}

// closed fails t unless the server has closed the connection with nothing more to say. What
// cannot be read as a body is not read away, so the closing may be a reset.
func closed(t *testing.T, from *bufio.Reader) {
	t.Helper()
	rest, err := io.ReadAll(from)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) || len(rest) > 0 {
		t.Errorf("after the answer came %q and %v, want the end of the connection", rest, err)
	}
}

// unreadable fails t unless net/http refused, in its own words, what it could not read, and
// closed the connection with nothing more to say. The closing may be a reset.
func unreadable(t *testing.T, from *bufio.Reader, status int, secrets ...string) {
	t.Helper()
	res, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection did not end: %v", err)
	}
	if res.StatusCode != status || strings.Contains(string(text), "HTTP/1") {
		t.Errorf("it answered %d %q, want %d and no second answer", res.StatusCode, text, status)
	}
	for _, secret := range secrets {
		if strings.Contains(string(text), secret) {
			t.Errorf("it tells %q: %q", secret, text)
		}
	}
}

// say sends bytes as they are and returns the answer. Nothing may follow it.
func say(t *testing.T, h *world.Organisation, bytes string) world.Answer {
	t.Helper()
	c := dial(t, h)
	go io.WriteString(c, bytes)
	method, rest, _ := strings.Cut(bytes, " ")
	path, _, _ := strings.Cut(rest, " ")
	if !strings.HasPrefix(path, "/") {
		method, path = "POST", "/"
	}
	if method != "HEAD" {
		method = "POST" // whatever was asked, an error must have a body
	}
	from := bufio.NewReader(c)
	a := hear(t, from, method, path)
	if a.Closes {
		closed(t, from)
	}
	return a
}

func TestUnreadableHTTP(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	g := h.Invitee(t)
	body := fmt.Sprintf(`{"orgId":%q,"username":%q,"registrationCode":%q}`, g.OrgID, g.Username, g.RegistrationCode)
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	post := "POST " + initPath + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
	long := strings.Repeat("a", 20<<10)
	huge := strings.Repeat("a", 300<<10)

	// What net/http makes a request of gets the envelope.
	handled := map[string]struct{ bytes, code string }{
		"folded header":              {post + " folded: x\r\n" + length + "\r\n" + body, ""},
		"huge length":                {post + "Content-Length: 9000000000000000000\r\n\r\n{", "body_too_large"},
		"chunk size not a number":    {post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body, "body_unreadable"},
		"chunk size negative":        {post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + body, "body_unreadable"},
		"chunk size too long":        {post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + body, "body_unreadable"},
		"chunk without end":          {post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n", "body_unreadable"},
		"chunk extension too long":   {post + "Transfer-Encoding: chunked\r\n\r\n5;" + long + "\r\nhello\r\n0\r\n\r\n", "body_unreadable"},
		"chunked and too large":      {post + "Transfer-Encoding: chunked\r\n\r\n" + chunk(huge) + "0\r\n\r\n", "body_too_large"},
		"trailers that are no lines": {post + "Transfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n", "body_unreadable"},
		"long URL":                   {"GET /" + long + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "headers_too_large"},
		"long query":                 {"GET /healthz?" + long + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "headers_too_large"},
		"long header":                {post + "X-A: " + long + "\r\n\r\n", "headers_too_large"},
		"CONNECT":                    {"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\nConnection: close\r\n\r\n", "not_found"},
		"OPTIONS *":                  {"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "not_found"},
		"preface of HTTP/2":          {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
	}
	// What it cannot read it answers in its own words: with a 4xx, or with one of two 5xx that
	// the standard asks for where the client sent what no server need know (RFC 9110 §15.6.2,
	// §15.6.6).
	unread := map[string]struct {
		bytes  string
		status int
	}{
		"hidden chunked":            {post + "Transfer-Encoding: \x0bchunked\r\n\r\n" + body, 400},
		"garbage":                   {"\x00\x01\x02\x03\r\n\r\n", 400},
		"TLS hello":                 {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		"SSH":                       {"SSH-2.0-OpenSSH_9.6\r\n\r\n", 400},
		"one word":                  {"GET\r\n\r\n", 400},
		"two words":                 {"GET /healthz\r\n\r\n", 400},
		"space in path":             {"GET /health z HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"bad method":                {"GE(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"empty method":              {" / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"no slash":                  {"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"bad escape":                {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"control in path":           {"GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"HTTP/0.9":                  {"GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505},
		"HTTP/2.0":                  {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
		"HTTP/9.9":                  {"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505},
		"HTTP/1.1.1":                {"GET / HTTP/1.1.1\r\nHost: x\r\n\r\n", 400},
		"http/1.1":                  {"GET / http/1.1\r\nHost: x\r\n\r\n", 400},
		"no host":                   {"POST " + initPath + " HTTP/1.1\r\n" + length + "\r\n" + body, 400},
		"two hosts":                 {post + "Host: evil\r\n" + length + "\r\n" + body, 400},
		"malformed host":            {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
		"header without colon":      {post + "Nonsense\r\n\r\n", 400},
		"header without name":       {post + ": x\r\n\r\n", 400},
		"space before colon":        {post + "Content-Length : 5\r\n\r\nhello", 400},
		"control in header":         {post + "X-A: a\x00b\r\n\r\n", 400},
		"header name with space":    {post + "X A: b\r\n\r\n", 400},
		"header name not ASCII":     {post + "X\u00e9: b\r\n\r\n", 400},
		"two lengths":               {post + length + "Content-Length: 3\r\n\r\n" + body, 400},
		"two lengths in one":        {post + "Content-Length: 3, 4\r\n\r\n" + body, 400},
		"negative length":           {post + "Content-Length: -1\r\n\r\n" + body, 400},
		"signed length":             {post + "Content-Length: +5\r\n\r\n" + body, 400},
		"hexadecimal length":        {post + "Content-Length: 0x10\r\n\r\n" + body, 400},
		"length out of range":       {post + "Content-Length: 99999999999999999999\r\n\r\n" + body, 400},
		"bad length and more":       {post + "Content-Length: x\r\n\r\n" + huge, 400},
		"empty length":              {post + "Content-Length: \r\n\r\n" + body, 400},
		"unknown transfer encoding": {post + "Transfer-Encoding: gzip\r\n\r\n" + body, 501},
		"two transfer encodings":    {post + "Transfer-Encoding: gzip, chunked\r\n\r\n" + body, 501},
		"chunked twice":             {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + body, 501},
		"identity":                  {post + "Transfer-Encoding: identity\r\n\r\n" + body, 501},
		"unknown expectation":       {post + "Expect: the-unexpected\r\n" + length + "\r\n" + body, 417},
		"huge URL":                  {"GET /" + huge + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 431},
		"huge header":               {post + "X-A: " + huge + "\r\n\r\n", 431},
		"huge header name":          {post + huge + ": x\r\n\r\n", 431},
		"a thousand headers":        {post + strings.Repeat("X-A: aaaaaaaaaaaaaaaaaaaa\r\n", 1000) + "\r\n", 431},
		"huge method":               {huge + " / HTTP/1.1\r\nHost: x\r\n\r\n", 431},
		"endless line":              {huge, 431},
	}
	t.Run("attacks", func(t *testing.T) {
		for name, attack := range handled {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var want []string
				if attack.code != "" {
					want = world.Codes(attack.code)
				}
				h.Refused(t, say(t, h, attack.bytes), want, g.RegistrationCode)
			})
		}
		for name, attack := range unread {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := dial(t, h)
				go io.WriteString(c, attack.bytes)
				unreadable(t, bufio.NewReader(c), attack.status, g.RegistrationCode)
			})
		}
	})
	h.KeepsSecret(t, nil, g.RegistrationCode)
	g.Registers(t)
}

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// A request behind another must not hide in it: whatever ends the first one, the second
// is read in its own right or not at all.
func TestSmuggledRequests(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	hidden := "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for name, bytes := range map[string]string{
		"length and chunks": fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", initPath, 5+len(hidden), hidden),
		"chunks and length": fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
			"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2\r\n{}\r\n0\r\n\r\n%s", initPath, hidden),
		"bad chunk": fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
			"Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n%s", initPath, hidden),
		"unread body": fmt.Sprintf("POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s%s",
			400<<10, hidden, strings.Repeat("x", 400<<10-len(hidden))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := say(t, h, bytes) // fails if a second answer follows
			h.Refused(t, a, nil)
			if !a.Closes {
				t.Errorf("the connection stays open")
			}
		})
	}
	t.Run("broken first", func(t *testing.T) {
		t.Parallel()
		c := dial(t, h)
		go io.WriteString(c, "BROKEN\r\n\r\n"+hidden)
		unreadable(t, bufio.NewReader(c), http.StatusBadRequest)
	})
}

// Pipelined requests are each answered, in order, the good as well as the bad.
func TestPipelinedRequests(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	g := h.Invitee(t)
	body := fmt.Sprintf(`{"orgId":%q,"username":%q,"registrationCode":%q}`, g.OrgID, g.Username, g.RegistrationCode)
	c := dial(t, h)
	_, err := fmt.Fprintf(c, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"+
		"POST %[1]s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]"+
		"POST %[1]s HTTP/1.1\r\nHost: x\r\nContent-Length: %[2]d\r\n\r\n%[3]s"+
		"DELETE %[1]s HTTP/1.1\r\nHost: x\r\n\r\n"+
		"THIS IS NO REQUEST\r\n\r\n", initPath, len(body), body)
	if err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(c)
	h.Refused(t, hear(t, from, "GET", "/nowhere"), world.Codes("not_found"))
	h.Refused(t, hear(t, from, "POST", initPath), world.Codes("invalid_member"))
	if a := hear(t, from, "POST", initPath); a.Status != http.StatusOK {
		t.Errorf("a good request between bad ones: %d %s", a.Status, a.Body)
	}
	h.Refused(t, hear(t, from, "DELETE", initPath), world.Codes("method_not_allowed"))
	unreadable(t, from, http.StatusBadRequest)
}

// A client that asks to go on in HTTP/2 without TLS is answered in HTTP/1.1, as one that did
// not ask.
func TestUpgradeIsIgnored(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	upgrade := "Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
	c := dial(t, h)
	from := bufio.NewReader(c)
	fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\n%s\r\nPOST %s HTTP/1.1\r\n%sContent-Length: 2\r\n\r\n{}", upgrade, initPath, upgrade)
	if a := hear(t, from, "GET", "/healthz"); a.Status != http.StatusOK || a.Header.Get("Upgrade") != "" {
		t.Errorf("%d %s, Upgrade %q", a.Status, a.Body, a.Header.Get("Upgrade"))
	}
	h.Refused(t, hear(t, from, "POST", initPath), world.Codes("member_missing"))
}

func TestHTTP10(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	c := dial(t, h)
	fmt.Fprint(c, "GET /healthz HTTP/1.0\r\n\r\n")
	from := bufio.NewReader(c)
	if a := hear(t, from, "GET", "/healthz"); a.Status != http.StatusOK {
		t.Errorf("healthz over HTTP/1.0: %d %s", a.Status, a.Body)
	}
	closed(t, from)
	h.Refused(t, say(t, h, "POST "+initPath+" HTTP/1.0\r\nContent-Length: 4\r\n\r\nnull"), world.Codes("member_missing"))
	h.Refused(t, say(t, h, "POST "+initPath+" HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), nil)
}

// Who closes the sending side after the request, as simple tools do, still gets a true
// answer; and a request that is cut off in the middle gets one as well.
func TestHalfClosedConnections(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		body := fmt.Sprintf(`{"orgId":%q,"username":%q,"registrationCode":%q}`, g.OrgID, g.Username, g.RegistrationCode)
		whole := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", initPath, len(body), body)
		sent := func(bytes string) *bufio.Reader {
			c := dial(t, h)
			if _, err := io.WriteString(c, bytes); err != nil {
				t.Fatal(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			return bufio.NewReader(c)
		}
		half := func(bytes string) world.Answer { return hear(t, sent(bytes), "POST", initPath) }
		for range 25 {
			if a := half(whole); a.Status != http.StatusOK {
				t.Fatalf("a whole request, then the end: %d %s", a.Status, a.Body)
			}
		}
		wrong := strings.Replace(whole, g.RegistrationCode, "ABCD-ABCD-ABCD-ABCD-ABCD", 1)
		for range 5 {
			h.Refused(t, half(wrong), world.Codes("registration_refused"))
		}
		h.Refused(t, half(whole[:len(whole)-5]), world.Codes("body_unreadable"))
		unreadable(t, sent(whole[:40]), http.StatusBadRequest)
		g.Registers(t)
	})
}

// Bodies far beyond the limit are refused at once, and the refusal reaches also those
// clients that send everything before they read anything.
func TestHugeBodies(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	g := h.Invitee(t)
	huge := strings.Repeat("a", 10<<20)
	attacks := map[string]struct{ head, body, code string }{
		"announced":            {fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", initPath, len(huge)), huge, "body_too_large"},
		"in chunks":            {fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", initPath), chunk(huge) + "0\r\n\r\n", "body_too_large"},
		"to nowhere":           {fmt.Sprintf("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(huge)), huge, "not_found"},
		"to nowhere in chunks": {"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", chunk(huge) + "0\r\n\r\n", "not_found"},
		"of another type":      {fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", initPath, len(huge)), huge, "content_type_unsupported"},
	}
	t.Run("attacks", func(t *testing.T) {
		for name, attack := range attacks {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := dial(t, h)
				if _, err := io.WriteString(c, attack.head+attack.body); err != nil {
					t.Fatalf("the server broke off while the client sent: %v", err)
				}
				h.Refused(t, hear(t, bufio.NewReader(c), "POST", "/"), world.Codes(attack.code))
			})
		}
		for name, attack := range map[string]struct {
			bytes  string
			status int
		}{
			"after broken head": {"POST / HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n" + huge, http.StatusBadRequest},
			"in the head":       {"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + huge, http.StatusRequestHeaderFieldsTooLarge},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := dial(t, h)
				go io.WriteString(c, attack.bytes)
				unreadable(t, bufio.NewReader(c), attack.status)
			})
		}
		t.Run("announced and awaited", func(t *testing.T) {
			t.Parallel()
			c := dial(t, h)
			begin := time.Now()
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n", initPath)
			h.Refused(t, hear(t, bufio.NewReader(c), "POST", initPath), world.Codes("body_too_large"))
			if took := time.Since(begin); took > 3*time.Second {
				t.Errorf("it took %v to refuse what need not even be sent", took)
			}
		})
	})
	g.Registers(t)
}

func TestContinue(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	c := dial(t, h)
	from := bufio.NewReader(c)
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", initPath)
	res, err := http.ReadResponse(from, nil)
	if err != nil || res.StatusCode != http.StatusContinue {
		t.Fatalf("%v, %v, want 100", res, err)
	}
	fmt.Fprint(c, "{}")
	h.Refused(t, hear(t, from, "POST", initPath), world.Codes("member_missing"))
}

// Who sends too slowly is told so. These take as long as the server's patience.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	attacks := []struct{ bytes, code string }{ // without a code, the head never becomes whole and net/http ends the connection
		{"GE", ""},
		{"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", ""},
		{"POST " + initPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "body_too_slow"},
		{"POST " + initPath + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", "body_too_slow"},
	}
	silent := dial(t, h)
	var slow []net.Conn // all at once: they wait side by side
	for _, attack := range attacks {
		c := dial(t, h)
		fmt.Fprint(c, attack.bytes)
		slow = append(slow, c)
	}
	for i, attack := range attacks {
		if attack.code == "" {
			if said, err := io.ReadAll(slow[i]); err != nil || len(said) > 0 && !strings.HasPrefix(string(said), "HTTP/1.1 4") {
				t.Errorf("%q: the connection ended with %q, %v", attack.bytes, said, err)
			}
			continue
		}
		a := hear(t, bufio.NewReader(slow[i]), "POST", "/")
		h.Refused(t, a, world.Codes(attack.code))
		if a.Status != http.StatusRequestTimeout {
			t.Errorf("%q: status %d, want 408", attack.bytes, a.Status)
		}
	}
	if b, err := bufio.NewReader(silent).ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("to silence the server said %q, %v", b, err)
	}
}

// Over TLS all is the same, and who speaks plain HTTP to a server that wants TLS is told so.
func TestUnreadableHTTPOverTLS(t *testing.T) {
	t.Parallel()
	h := world.Open(t, countersigntest.TLS())
	for _, bytes := range []string{
		"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"POST " + initPath + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
	} {
		c := dial(t, h)
		go io.WriteString(c, bytes)
		unreadable(t, bufio.NewReader(c), http.StatusBadRequest)
	}
	for bytes, status := range map[string]int{
		"NONSENSE\r\n\r\n": http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n": http.StatusNotImplemented,
		"GET / HTTP/1.1\r\nX-A: " + strings.Repeat("a", 300<<10):       http.StatusRequestHeaderFieldsTooLarge,
	} {
		c := dialTLS(t, h)
		go io.WriteString(c, bytes)
		unreadable(t, bufio.NewReader(c), status)
	}
	c := dialTLS(t, h)
	fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	if a := hear(t, bufio.NewReader(c), "GET", "/healthz"); a.Status != http.StatusOK {
		t.Errorf("healthz over TLS: %d %s", a.Status, a.Body)
	}
}
