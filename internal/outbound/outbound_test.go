package outbound_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/outbound"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	const (
		internet = iota
		own      // with AllowPrivate
		never
	)
	for address, want := range map[string]int{
		"1.1.1.1": internet, "104.16.99.1": internet, "172.32.0.1": internet, "100.128.0.1": internet, "2606:4700::1111": internet,
		"64:ff9b::101:101": internet,

		"127.0.0.1": own, "127.255.255.254": own, "::1": own, "10.0.0.1": own, "172.16.0.1": own, "172.31.255.255": own,
		"192.168.1.1": own, "100.64.0.1": own, "fc00::1": own, "fdff::1": own, "64:ff9b::7f00:1": own, "64:ff9b::a00:1": own,

		"0.0.0.0": never, "0.1.2.3": never, "::": never, "169.254.1.1": never, "fe80::1": never, "fe80::1%eth0": never,
		"169.254.169.254": never, "fd00:ec2::254": never, "100.100.100.200": never, "168.63.129.16": never, "192.0.0.192": never,
		"64:ff9b::a9fe:a9fe": never, "64:ff9b:1::a00:1": never,
		"224.0.0.1": never, "239.1.1.1": never, "ff02::1": never, "255.255.255.255": never, "240.0.0.1": never,
		"192.0.2.1": never, "198.18.0.1": never, "198.51.100.7": never, "203.0.113.7": never, "2001:db8::1": never,
		"::ffff:127.0.0.1": never, "::ffff:1.1.1.1": never, "::ffff:169.254.169.254": never, "::7f00:1": never,
		"2002:7f00:1::": never, "2001:0:7f00:1::": never, "fec0::1": never, "4000::1": never, "100::1": never,
	} {
		a := netip.MustParseAddr(address)
		strict, loose := outbound.Check(a, false), outbound.Check(a, true)
		if (strict == nil) != (want == internet) || (loose == nil) != (want != never) {
			t.Errorf("%s: %v; with private ones allowed: %v", address, strict, loose)
		}
		if _, ok := errors.AsType[*outbound.RefusedError](strict); strict != nil && !ok {
			t.Errorf("%s: %v is no RefusedError", address, strict)
		}
	}
	if outbound.Check(netip.Addr{}, true) == nil {
		t.Error("no address is an address")
	}
}

// serve starts an https server on loopback and returns it with a client that trusts and may reach it.
func serve(t *testing.T, h http.HandlerFunc) (*httptest.Server, outbound.Options) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, outbound.Options{AllowPrivate: true, Roots: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
}

func TestGet(t *testing.T) {
	t.Parallel()
	s, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, "twelve bytes")
	})
	c := outbound.New(o)
	a, err := outbound.Get(t.Context(), c, s.URL, "", 12)
	if err != nil || string(a.Body) != "twelve bytes" || a.ETag != `"1"` || a.NotModified {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err = outbound.Get(t.Context(), c, s.URL, `"1"`, 12); err != nil || !a.NotModified || a.Body != nil {
		t.Errorf("what the caller has: %+v, %v", a, err)
	}
	if _, err = outbound.Get(t.Context(), c, s.URL, "", 11); !errors.Is(err, outbound.ErrTooLarge) {
		t.Errorf("beyond the limit: %v", err)
	}
}

// Nothing is read of an endless answer beyond the limit, and a server that is slow is left.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	t.Run("endless", func(t *testing.T) {
		t.Parallel()
		stopped := make(chan int, 1)
		s, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
			block, n := bytes.Repeat([]byte("x"), 1<<16), 0
			for r.Context().Err() == nil {
				w.Write(block)
				n += len(block)
			}
			stopped <- n
		})
		if _, err := outbound.Get(t.Context(), outbound.New(o), s.URL, "", 1<<20); !errors.Is(err, outbound.ErrTooLarge) {
			t.Errorf("%v", err)
		}
		if n := <-stopped; n > 64<<20 {
			t.Errorf("it sent %d bytes", n)
		}
	})
	t.Run("slow", func(t *testing.T) {
		t.Parallel()
		s, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
		o.Timeout = 500 * time.Millisecond
		began := time.Now()
		_, err := outbound.Get(t.Context(), outbound.New(o), s.URL+"/?key=secret", "", 1<<20)
		if took := time.Since(began); err == nil || took > 20*time.Second || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v after %v", err, took)
		}
	})
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		c := outbound.New(outbound.Options{AllowPrivate: true, Timeout: 300 * time.Millisecond})
		if _, err := outbound.Get(t.Context(), c, "https://"+listener.Addr().String()+"/?key=secret", "", 1); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	})
	t.Run("breaks off", func(t *testing.T) {
		t.Parallel()
		s, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		})
		if a, err := outbound.Get(t.Context(), outbound.New(o), s.URL, "", 1<<20); err == nil {
			t.Errorf("%+v", a)
		}
	})
	t.Run("a large header", func(t *testing.T) {
		t.Parallel()
		s, o := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X", strings.Repeat("x", 200<<10)) })
		if _, err := outbound.Get(t.Context(), outbound.New(o), s.URL, "", 1<<20); err == nil {
			t.Error("it was read")
		}
	})
	t.Run("not asked for", func(t *testing.T) {
		t.Parallel()
		s, o := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotModified) })
		if _, err := outbound.Get(t.Context(), outbound.New(o), s.URL, "", 1<<20); err == nil {
			t.Error("304 to who has nothing")
		}
	})
}

func TestAddressIsCheckedWhenConnecting(t *testing.T) {
	t.Parallel()
	s, o := serve(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the server was reached") })
	o.AllowPrivate = false
	c := outbound.New(o)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"} {
		_, err := outbound.Get(t.Context(), c, "https://"+host+":"+port+"/?key=secret", "", 100)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", host, err)
		}
	}
	_, err := outbound.Get(t.Context(), c, s.URL, "", 100)
	if _, ok := errors.AsType[*outbound.RefusedError](err); !ok {
		t.Errorf("%v is no RefusedError", err)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the plain server was reached") }))
	defer plain.Close()
	s, o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch left := strings.TrimPrefix(r.URL.Path, "/"); left {
		case "0":
			io.WriteString(w, "here")
		case "plain":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case "cloud":
			http.Redirect(w, r, "https://169.254.169.254/latest/meta-data/", http.StatusFound)
		case "file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		default:
			http.Redirect(w, r, "/"+string(left[0]-1), http.StatusFound)
		}
	})
	c := outbound.New(o)
	for path, good := range map[string]bool{"/0": true, "/3": true, "/4": false, "/plain": false, "/cloud": false, "/file": false} {
		a, err := outbound.Get(context.Background(), c, s.URL+path, "", 100)
		if (err == nil) != good || good && string(a.Body) != "here" {
			t.Errorf("%s: %q, %v", path, a.Body, err)
		}
	}
	if _, err := outbound.Get(t.Context(), c, plain.URL, "", 100); err == nil {
		t.Error("plain http is used")
	}
}

// A server on the Internet leads nobody into the operator's networks.
func TestRedirectToAPrivateAddress(t *testing.T) {
	t.Parallel()
	within, o := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the server within was reached") })
	public, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/good" {
			io.WriteString(w, "here")
			return
		}
		http.Redirect(w, r, within.URL, http.StatusFound)
	})
	o.AllowPrivate = false
	c := outbound.NewBeside(o, netip.MustParseAddrPort(public.Listener.Addr().String()))
	if _, err := outbound.Get(t.Context(), c, public.URL+"/good", "", 100); err != nil {
		t.Errorf("the public server: %v", err)
	}
	_, err := outbound.Get(t.Context(), c, public.URL, "", 100)
	if e, ok := errors.AsType[*outbound.RefusedError](err); !ok || e.Kind != "a loopback address" {
		t.Errorf("%v", err)
	}
}

func TestPlainIsForWhatIsSigned(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "signed") }))
	defer s.Close()
	a, err := outbound.Get(t.Context(), outbound.New(outbound.Options{AllowPrivate: true, AllowPlain: true}), s.URL, "", 100)
	if err != nil || string(a.Body) != "signed" {
		t.Errorf("%q, %v", a.Body, err)
	}
	if _, err := outbound.Get(t.Context(), outbound.New(outbound.Options{AllowPlain: true}), s.URL, "", 100); err == nil {
		t.Error("a private address is reached by plain http")
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"https://mds3.fidoalliance.org/": true, "https://mirror.example.org:8443/mds?x=1": true,
		"": false, "mds3.fidoalliance.org": false, "http://mds3.fidoalliance.org/": false, "https:///x": false, "file:///etc/passwd": false,
		"https://user:secret@example.org/": false, "https://user@example.org/": false, "https://exa mple.org/": false,
	} {
		if _, err := outbound.CheckURL(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}
