// Package outbound makes requests to servers that an operator or an organisation named. What they name may
// be a mistake or a trap, so a request goes to nobody but the Internet, waits for nobody long and reads no
// more than it was told to.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

const (
	// maxRedirects is how many redirects a request follows.
	maxRedirects = 3
	maxHeader    = 64 << 10
)

// Options are settings of New. Their zero value is the strictest.
type Options struct {
	AllowPrivate bool           // connect to private, loopback and unique local addresses too
	AllowPlain   bool           // http too, for what is signed itself
	Roots        *x509.CertPool // nil for those of the system
	Timeout      time.Duration  // of a whole request with its answer; 0 means a minute
}

// New returns a client. It uses no proxy: the check of the address would see the proxy's.
func New(o Options) *http.Client {
	return newClient(o, func(a netip.AddrPort) error { return Check(a.Addr(), o.AllowPrivate) })
}

func newClient(o Options, check func(netip.AddrPort) error) *http.Client {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	step := min(o.Timeout, 15*time.Second)
	dialer := &net.Dialer{Timeout: step, Control: control(check)}
	return &http.Client{
		Timeout: o.Timeout,
		Transport: guard{plain: o.AllowPlain, next: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    step,
			ResponseHeaderTimeout:  step,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // a small answer must not unpack to a large one
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           4,
			IdleConnTimeout:        30 * time.Second,
		}},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			return nil
		},
	}
}

// guard refuses requests that are not https, also those of a redirect.
type guard struct {
	plain bool
	next  http.RoundTripper
}

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if s := r.URL.Scheme; s != "https" && !(g.plain && s == "http") {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, fmt.Errorf("the address begins with %s, and only https is used", s)
	}
	return g.next.RoundTrip(r)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the connections.
func (g guard) CloseIdleConnections() {
	if t, ok := g.next.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// CheckURL refuses an address that a client of New could not use, or that holds a password.
func CheckURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("it is not a URL like https://example.org/path")
	case u.Scheme != "https":
		return nil, errors.New("it must begin with https://")
	case u.User != nil:
		return nil, errors.New("it must not hold a user or password")
	}
	return u, nil
}

// ErrTooLarge is the error of an answer that is larger than the limit.
var ErrTooLarge = errors.New("the answer is too large")

// Answer is what a server answered.
type Answer struct {
	Body        []byte
	ETag        string
	NotModified bool // it still is what the caller has; Body is nil
}

// Get reads what is at an address, up to limit bytes. etag is that of what the caller has, "" for none. The
// error does not hold the address, whose query may be a secret.
func Get(ctx context.Context, c *http.Client, address, etag string, limit int64) (Answer, error) {
	if c.Timeout > 0 {
		// The client's own time is not enough: a server that sees the connection end may finish its answer
		// just in time for that to look whole.
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, c.Timeout)
		defer stop()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Answer{}, errors.New("the address is not a URL")
	}
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	r.Header.Set("User-Agent", "countersign")
	res, err := c.Do(r)
	if err != nil {
		return Answer{}, withoutAddress(err)
	}
	defer res.Body.Close()
	switch {
	case etag != "" && res.StatusCode == http.StatusNotModified:
		return Answer{ETag: etag, NotModified: true}, nil
	case res.StatusCode != http.StatusOK:
		return Answer{}, fmt.Errorf("the server answered with status %d", res.StatusCode)
	case res.ContentLength > limit:
		return Answer{}, ErrTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	switch {
	case int64(len(body)) > limit:
		return Answer{}, ErrTooLarge
	case ctx.Err() != nil:
		return Answer{}, withoutAddress(ctx.Err())
	case err != nil:
		return Answer{}, withoutAddress(err)
	case res.ContentLength >= 0 && int64(len(body)) != res.ContentLength:
		return Answer{}, io.ErrUnexpectedEOF
	}
	return Answer{Body: body, ETag: res.Header.Get("ETag")}, nil
}

// withoutAddress takes the address out of an error of net/http.
func withoutAddress(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		if e.Timeout() {
			return errors.New("the server took too long")
		}
		return e.Err
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return errors.New("the server took too long")
	}
	return err
}
