package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/api"
)

// Package net/http answers some of what it cannot read by itself, before any handler
// runs: in plain text, some of it with a 5xx or no body at all, and it drops who is too
// slow with a header without a word. A wire stands between net/http and the network and
// puts the error envelope in the place of exactly those answers. What handlers write
// passes untouched.

// wireListener makes a wire of every connection.
type wireListener struct {
	net.Listener
	server *Server
}

func (l wireListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wire{Conn: c, server: l.server}, nil
}

type wire struct {
	net.Conn
	server *Server
	plain  net.Conn // below TLS, once the client turned out not to speak it

	begun    atomic.Bool // some of a request came in
	answered atomic.Bool // … and something was written since; what still comes is its body
	late     atomic.Bool // the time for more ran out before anything was written
	refused  atomic.Bool // something may still come that nobody will read
	closing  atomic.Bool
}

func (c *wire) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.begun.Store(true)
	}
	if err != nil {
		c.failed(err)
	}
	return n, err
}

func (c *wire) failed(err error) {
	var other tls.RecordHeaderError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.late.Store(c.begun.Load() && !c.answered.Load())
	case errors.As(err, &other) && other.Conn != nil && other.RecordHeader[0] >= 'A' && other.RecordHeader[0] <= 'Z':
		c.plain = other.Conn // no TLS record begins with a letter, but every HTTP request does
	}
}

// idle is told by net/http when it has done with a request and waits for the next.
func (c *wire) idle() {
	c.begun.Store(false)
	c.answered.Store(false)
}

func (c *wire) Write(b []byte) (int, error) {
	c.answered.Store(true)
	if e := ownAnswer(b); e != nil {
		switch {
		case c.plain != nil:
			e = &wireError{http.StatusBadRequest, "tls_required", "This address speaks only https."}
		case c.late.Load(): // cut off in the middle of a line, which then made no sense
			e = tooSlow
		}
		c.refuse(e)
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// Close ends the connection. One that was refused is read for a while first: closed with
// bytes unread it would be reset, and the client might never see why.
func (c *wire) Close() error {
	if c.closing.CompareAndSwap(false, true) {
		if c.late.Load() && !c.answered.Load() {
			c.refuse(tooSlow)
		}
		if c.refused.Load() {
			c.CloseWrite()
			c.Conn.SetReadDeadline(time.Now().Add(lingerTime))
			io.CopyN(io.Discard, c.Conn, lingerBytes)
		}
	}
	return c.Conn.Close()
}

// CloseWrite tells the client that nothing more will come; net/http looks for it.
func (c *wire) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// wireError is a refusal of what is not even a request. The operator finds its id in
// the log; it is not worth a row.
type wireError struct {
	status        int
	code, message string
}

var tooSlow = &wireError{http.StatusRequestTimeout, "request_too_slow", "The request did not arrive in time."}

// plainHeader is how every answer of net/http's own to an unreadable request goes on
// after the status line. No answer of a handler does: they have a date before it ends.
var plainHeader = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// ownAnswer recognises an answer of net/http's own, which it writes at once and whole,
// and says what to answer instead. It returns nil for all others.
func ownAnswer(b []byte) *wireError {
	const line = "HTTP/1.1 "
	if len(b) > 512 || len(b) < len(line)+3 || string(b[:len(line)]) != line || b[len(line)] < '4' {
		return nil
	}
	status := string(b[len(line) : len(line)+3])
	if status == "417" { // no handler of ours answers this
		return &wireError{http.StatusExpectationFailed, "expectation_unsupported", "The only expectation that is met is 100-continue."}
	}
	if !bytes.Contains(b, plainHeader) {
		return nil
	}
	switch status {
	case "431":
		return &wireError{http.StatusRequestHeaderFieldsTooLarge, "headers_too_large", headersTooLarge}
	case "501": // a 4xx all the same: the client must send something else
		return &wireError{http.StatusBadRequest, "transfer_encoding_unsupported", "The only transfer encoding that is read is chunked."}
	case "505":
		return &wireError{http.StatusBadRequest, "http_version_unsupported", "Requests must be of HTTP/1.1 or HTTP/1.0."}
	}
	return &wireError{http.StatusBadRequest, "http_malformed", "This is not a well-formed HTTP request."}
}

// refuse writes e as a whole answer, and its log line.
func (c *wire) refuse(e *wireError) {
	now := c.server.now()
	id := api.NewID(api.PrefixRefusal, now)
	c.refused.Store(true)
	c.answered.Store(true)
	body, err := json.Marshal(api.ErrorBody{Error: api.ErrorDetail{ID: id, Status: e.status, Code: e.code, Message: e.message}, Message: e.message})
	if err != nil { // plain texts: cannot fail
		return
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", e.status, http.StatusText(e.status))
	fmt.Fprintf(&b, "Cache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n", len(body))
	fmt.Fprintf(&b, "Content-Type: application/json; charset=utf-8\r\nDate: %s\r\n", now.UTC().Format(http.TimeFormat))
	fmt.Fprintf(&b, "X-Content-Type-Options: nosniff\r\n\r\n%s", body)
	to := c.Conn
	if c.plain != nil {
		to = c.plain
	}
	to.SetWriteDeadline(time.Now().Add(lingerTime))
	_, err = to.Write(b.Bytes())
	c.line(id, e, err)
}

func (c *wire) line(id string, e *wireError, failure error) {
	attrs := []slog.Attr{slog.String("id", id), slog.Int("status", e.status), slog.String("code", e.code)}
	if from, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
		attrs = append(attrs, slog.String("address", from.Addr().Unmap().String()))
	}
	if failure != nil { // of TLS, mostly: what was written is no use to who cannot read it
		attrs = append(attrs, slog.String("cause", failure.Error()))
	}
	c.server.log.LogAttrs(context.Background(), slog.LevelInfo, "unreadable request", attrs...)
}
