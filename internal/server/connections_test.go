package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
)

// open connects and sends text.
func open(t testing.TB, srv *countersigntest.Server, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.SplitN(srv.URL, "//", 2)[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, text)
	return c
}

// alive reports whether the server keeps c open for a moment.
func alive(c net.Conn) bool {
	c.SetReadDeadline(time.Now().Add(150 * time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

const whole = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

func answered(t testing.TB, c net.Conn) bool {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return res.StatusCode == 200
}

// What waits for its client longest is closed first, whatever it waits for, and there is
// room for who comes.
func TestTheSlowestConnectionIsClosed(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]string{
		"nothing sent":            "",
		"half a request line":     "GET /heal",
		"half a header":           "GET /healthz HTTP/1.1\r\nHost: loc",
		"a header without an end": "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n",
		"a long header":           "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: " + strings.Repeat("a", 40_000),
		"half a body":             "POST /auth/registration/init HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		"half a chunk":            "POST /auth/registration/init HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{",
		"an answered request":     whole,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := countersigntest.Start(t, countersigntest.Connections(4, 100))
			var all []net.Conn
			for range 4 {
				all = append(all, open(t, srv, slow))
				time.Sleep(20 * time.Millisecond)
			}
			for range 2 {
				c := open(t, srv, whole)
				if !answered(t, c) {
					t.Fatal("a whole request was not answered")
				}
				all = append(all, c)
			}
			for i, c := range all {
				if slow == whole && i < 4 {
					answered(t, c) // what came before the end
				}
				if got := alive(c); got != (i >= 2) {
					t.Errorf("connection %d is open: %v", i, got)
				}
			}
			if !strings.Contains(srv.Log.String(), "there are too many connections") {
				t.Error("the log does not say so")
			}
		})
	}
}

func TestTLSHandshakesCount(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.TLS(), countersigntest.Connections(4, 100))
	var slow []net.Conn
	for range 8 {
		slow = append(slow, open(t, srv, "\x16\x03\x01\x02\x00\x01"))
		time.Sleep(10 * time.Millisecond)
	}
	for i, c := range slow {
		if got := alive(c); got != (i >= 4) {
			t.Errorf("handshake %d is open: %v", i, got)
		}
	}
	for _, protocol := range [][]string{{"http/1.1"}, {"h2", "http/1.1"}} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: srv.CA, NextProtos: protocol}, ForceAttemptHTTP2: len(protocol) == 2}
		for range 3 {
			res, err := (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Get(srv.URL + "/healthz")
			if err != nil {
				t.Fatalf("%v: %v", protocol, err)
			}
			res.Body.Close()
		}
		tr.CloseIdleConnections()
	}
}

// One client closes no connection but its own.
func TestConnectionsPerAddress(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.Connections(100, 3))
	other, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).Dial("tcp", strings.Replace(strings.TrimPrefix(srv.URL, "http://"), "localhost", "127.0.0.1", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var own []net.Conn
	for range 6 {
		own = append(own, open(t, srv, "GET / HT"))
		time.Sleep(20 * time.Millisecond)
	}
	if !alive(other) {
		t.Error("a flood from one address closed the connection of another")
	}
	for i, c := range own {
		if got := alive(c); got != (i >= 3) {
			t.Errorf("connection %d is open: %v", i, got)
		}
	}
}

// A trusted proxy has as many connections as there are.
func TestProxiesHaveNoLimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.Connections(100, 3), countersigntest.Proxies(netip.MustParsePrefix("127.0.0.0/8")))
	var all []net.Conn
	for range 20 {
		all = append(all, open(t, srv, "GET / HT"))
	}
	for i, c := range all {
		if !alive(c) {
			t.Errorf("connection %d of a proxy was closed", i)
		}
	}
}

// A request that is being answered is never cut off: if there is nothing else to close, who
// comes is.
func TestRunningRequestsAreNotCutOff(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.Connections(2, 100))
	release, running := make(chan struct{}), make(chan struct{}, 2)
	now := srv.Registration.Now
	srv.Registration.Now = func() time.Time { running <- struct{}{}; <-release; return now() }
	body := fmt.Sprintf(`{"orgId":%q,"username":"ada","registrationCode":"7QKM-2F9X-HRTA-W3CE-8NPD"}`, srv.Organisation(t, "Engines").ID)
	var busy []net.Conn
	for range 2 {
		busy = append(busy, open(t, srv, fmt.Sprintf("POST /auth/registration/init HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)))
		<-running
	}
	for range 3 {
		if answered(t, open(t, srv, whole)) {
			t.Error("there was room for one more")
		}
	}
	srv.Registration.Now = now
	close(release)
	for _, c := range busy {
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("a request that was being answered was cut off: %v", err)
		}
		if res.Body.Close(); res.StatusCode/100 != 4 {
			t.Errorf("answered %d", res.StatusCode)
		}
	}
	if !answered(t, open(t, srv, whole)) {
		t.Error("there is no room after it")
	}
}
