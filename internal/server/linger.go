package server

import (
	"context"
	"net"
	"net/http"
	"time"
)

// A refusal often comes before all of the body did. Closing the connection then would
// reset it, and a client that writes all before it reads would see no answer but a
// broken pipe. So what still comes is read away before the end, within these bounds.
const (
	lingerTime  = 5 * time.Second
	lingerBytes = 32 << 20

	// readAnyway is how much of a body net/http itself reads away.
	readAnyway = 256 << 10
)

// lingers reports whether r has a body that net/http may not read to its end. The
// connection ends with such a request.
func lingers(r *http.Request) bool {
	return r.ContentLength > readAnyway || len(r.TransferEncoding) > 0
}

// linger has the connection of r read empty before it is closed.
func linger(r *http.Request) {
	if c, ok := r.Context().Value(wireKey{}).(*wire); ok {
		c.refused.Store(true)
	}
}

type wireKey struct{}

// withWire lets requests find their connection.
func withWire(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, wireKey{}, c)
}
