package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/countersign/countersign/api"
)

// client is one keep-alive HTTP/1.1 connection (RFC 9112), just able to ask and to
// read the answer. It costs a fraction of net/http's, which matters to who shares two
// cores with the server. One goroutine uses it.
type client struct {
	addr, host string
	conn       net.Conn
	release    func() bool // the context's hold on conn
	r          *bufio.Reader
	out        []byte
	answer     []byte
}

// dialLimit bounds connecting. What follows is bounded by the run's context, which cuts
// the connection off: a deadline for each request would be a timer for each request.
const dialLimit = 10 * time.Second

var errProtocol = errors.New("the server's answer is not HTTP/1.1 as expected")

func (c *client) close() {
	if c.conn != nil {
		c.release()
		c.conn.Close()
		c.conn = nil
	}
}

// post sends one request and returns status and body. The body is valid until the next
// call.
func (c *client) post(ctx context.Context, path, bearer string, body []byte) (int, []byte, error) {
	return c.send(ctx, "POST", path, bearer, "", body)
}

// postSigned is post with a signed user action.
func (c *client) postSigned(ctx context.Context, path, bearer, action string, body []byte) (int, []byte, error) {
	return c.send(ctx, "POST", path, bearer, action, body)
}

// get is post for a request without a body.
func (c *client) get(ctx context.Context, path, bearer string) (int, []byte, error) {
	return c.send(ctx, "GET", path, bearer, "", nil)
}

func (c *client) send(ctx context.Context, method, path, bearer, action string, body []byte) (int, []byte, error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	if c.conn == nil {
		d := net.Dialer{Timeout: dialLimit}
		conn, err := d.DialContext(ctx, "tcp", c.addr)
		if err != nil {
			return 0, nil, err
		}
		c.conn, c.r = conn, bufio.NewReaderSize(conn, 4096)
		c.release = context.AfterFunc(ctx, func() { conn.Close() })
	}
	out := append(c.out[:0], method...)
	out = append(out, ' ')
	out = append(out, path...)
	out = append(out, " HTTP/1.1\r\nHost: "...)
	out = append(out, c.host...)
	if bearer != "" {
		out = append(out, "\r\nAuthorization: Bearer "...)
		out = append(out, bearer...)
	}
	if action != "" {
		out = append(out, "\r\n"+api.HeaderUserAction+": "...)
		out = append(out, action...)
	}
	if method != "GET" {
		out = append(out, "\r\nContent-Type: application/json\r\nContent-Length: "...)
		out = strconv.AppendInt(out, int64(len(body)), 10)
	}
	out = append(out, "\r\n\r\n"...)
	out = append(out, body...)
	c.out = out
	if _, err := c.conn.Write(out); err != nil {
		return 0, nil, err
	}
	return c.read()
}

func (c *client) read() (status int, body []byte, err error) {
	line, err := c.line()
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, nil, errProtocol
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, errProtocol
	}
	length, chunked, closing := -1, false, false
	for {
		if line, err = c.line(); err != nil {
			return 0, nil, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 || length > 1<<20 {
				return 0, nil, errProtocol
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Connection")):
			closing = bytes.EqualFold(value, []byte("close"))
		}
	}
	c.answer = c.answer[:0]
	switch {
	case chunked:
		err = c.chunks()
	case length >= 0:
		err = c.take(length)
	default:
		err = errProtocol
	}
	if closing || err != nil {
		c.close()
	}
	return status, c.answer, err
}

func (c *client) line() ([]byte, error) {
	b, err := c.r.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return bytes.TrimSuffix(b[:len(b)-1], []byte("\r")), nil
}

// take appends n bytes to the answer.
func (c *client) take(n int) error {
	have := len(c.answer)
	if cap(c.answer) < have+n {
		c.answer = append(make([]byte, 0, 2*(have+n)), c.answer...)
	}
	c.answer = c.answer[:have+n]
	_, err := io.ReadFull(c.r, c.answer[have:])
	return err
}

func (c *client) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(string(line), 16, 20)
		if err != nil {
			return errProtocol
		}
		if err := c.take(int(n)); err != nil {
			return err
		}
		if line, err = c.line(); err != nil || len(line) != 0 {
			return errors.Join(errProtocol, err)
		}
		if n == 0 {
			return nil
		}
	}
}
