package server

import (
	"io"
	"net/http"
	"time"
)

const (
	// readAnyway is how much of a body net/http itself reads after the handler, to use the
	// connection again.
	readAnyway = 256 << 10

	drainTime  = 5 * time.Second
	drainBytes = 32 << 20
)

var connectionClose = []string{"close"}

// endsConnection reports whether the connection ends with this request: it has a body that
// net/http may not read to its end, or one in chunks. A request may hide behind a chunked
// body that also claims a length (net/http drops the claim), so nothing after one is read
// (RFC 9112 §6.1). HTTP/2 frames its requests and needs none of this.
func endsConnection(r *http.Request) bool {
	return r.ProtoMajor == 1 && (r.ContentLength > readAnyway || len(r.TransferEncoding) > 0)
}

// drain sends the answer and then reads the rest of the body, within bounds. A connection that is
// closed with bytes unread is reset, and a client that writes everything before it reads would see
// a broken pipe instead of its refusal (RFC 9112 §9.6).
func drain(w http.ResponseWriter, body io.Reader) {
	c := http.NewResponseController(w)
	if c.Flush() != nil || c.SetReadDeadline(time.Now().Add(drainTime)) != nil {
		return
	}
	io.CopyN(io.Discard, body, drainBytes)
}
