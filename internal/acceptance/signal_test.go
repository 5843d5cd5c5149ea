package acceptance_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
)

// load calls the server without a pause, and counts answers and failures.
type load struct {
	answered, failed atomic.Int64
	stop             chan struct{}
	callers          sync.WaitGroup
}

func underLoad(t testing.TB, url string) *load {
	l := &load{stop: make(chan struct{})}
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	c := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	for range 4 {
		l.callers.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				res, err := c.Get(url + "/healthz")
				if err != nil {
					l.failed.Add(1)
					continue
				}
				io.Copy(io.Discard, res.Body)
				if res.Body.Close(); res.StatusCode == 200 {
					l.answered.Add(1)
				} else {
					l.failed.Add(1)
				}
			}
		})
	}
	return l
}

// goesOn fails t unless n more requests are answered, and none was not.
func (l *load) goesOn(t testing.TB, n int64, after string) {
	t.Helper()
	want := l.answered.Load() + n
	eventually(t, 20*time.Second, "requests are answered after "+after, func() bool { return l.answered.Load() >= want })
	if f := l.failed.Load(); f > 0 {
		t.Errorf("after %s %d requests failed", after, f)
	}
}

func (l *load) end() {
	close(l.stop)
	l.callers.Wait()
}

// survivable are the signals that tell a server nothing that it must obey.
var survivable = []syscall.Signal{syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTIN,
	syscall.SIGTTOU, syscall.SIGTSTP, syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGPROF, syscall.SIGXCPU, syscall.SIGXFSZ,
	syscall.SIGIO, syscall.SIGPWR, syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGCHLD, syscall.SIGURG, syscall.Signal(35), syscall.Signal(64)}

// No signal of a terminal or a stream that goes away ends or stops the server, whatever it
// is doing, and no request is cut off.
func TestSignalsThatDoNotEnd(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		n := h.serve()
		l := underLoad(h, n.URL)
		defer l.end()
		l.goesOn(h, 10, "the start")
		for _, s := range survivable {
			for range 3 {
				must(h, syscall.Kill(n.PID(), s))
			}
			l.goesOn(h, 20, s.String())
		}
		if !strings.Contains(n.Stderr(), "SIGHUP: there is nothing to read again") {
			h.Errorf("the log does not say what SIGHUP did: %s", n.Stderr())
		}
		h.look().want(0)
	})
}

// SIGTERM and SIGINT let running requests finish; a second one does not.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	for first, second := range map[syscall.Signal]syscall.Signal{syscall.SIGTERM: syscall.SIGTERM, syscall.SIGINT: syscall.SIGTERM} {
		t.Run(first.String(), func(t *testing.T) {
			t.Parallel()
			each(t, func(h *installation) {
				inv := h.invite(h.organisation(), "ada")
				n := h.serve("--drain", "60s")
				n.half(n.mustBegin(inv))
				time.Sleep(100 * time.Millisecond)
				must(h, syscall.Kill(n.PID(), syscall.SIGHUP)) // is no first signal
				must(h, syscall.Kill(n.PID(), first))
				eventually(h, 10*time.Second, "the log says that it stops", func() bool { return strings.Contains(n.Stderr(), "stopping") })
				time.Sleep(200 * time.Millisecond)
				must(h, syscall.Kill(n.PID(), 0)) // still there
				begin := time.Now()
				must(h, syscall.Kill(n.PID(), second))
				if n.Wait(); time.Since(begin) > 3*time.Second {
					h.Errorf("it ended after %s", time.Since(begin))
				}
				n.restart()
				n.register(inv)
			})
		})
	}
}

// serveWith starts the binary with the streams that open gives the command, and returns it
// with its URL once it answers.
func serveWith(t testing.TB, h *installation, open func(*exec.Cmd), args ...string) (*exec.Cmd, string) {
	t.Helper()
	port := countersigntest.FreePort(t)
	cmd := exec.Command(countersigntest.Binary(t), append([]string{"serve", "--listen", "127.0.0.1:" + port, "--database", h.database}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	open(cmd)
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	url := "http://localhost:" + port
	eventually(t, 30*time.Second, "the server is healthy", func() bool {
		res, err := http.Get(url + "/healthz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == 200
	})
	return cmd, url
}

// Whatever becomes of standard output and standard error, the server serves and ends as it
// does with them.
func TestStreamsThatGoAway(t *testing.T) {
	t.Parallel()
	pipe := func(t testing.TB) (r, w *os.File) {
		r, w, err := os.Pipe()
		must(t, err)
		t.Cleanup(func() { r.Close(); w.Close() })
		return r, w
	}
	for name, c := range map[string]struct {
		shell string // runs "$@"
		begin func(t testing.TB, cmd *exec.Cmd) (later func())
	}{
		"closed from the start": {shell: `exec "$@" >&- 2>&- <&-`},
		"full device":           {shell: `exec "$@" >/dev/full 2>/dev/full`},
		"reader gone from the start": {begin: func(t testing.TB, cmd *exec.Cmd) func() {
			r, w := pipe(t)
			cmd.Stdout, cmd.Stderr = w, w
			r.Close()
			return func() {}
		}},
		"reader goes away": {begin: func(t testing.TB, cmd *exec.Cmd) func() {
			r, w := pipe(t)
			cmd.Stdout, cmd.Stderr = w, w
			return func() { r.Close(); w.Close() }
		}},
		"nobody reads": {begin: func(t testing.TB, cmd *exec.Cmd) func() {
			_, w := pipe(t)
			cmd.Stdout, cmd.Stderr = w, w
			return func() {}
		}},
		"a socket whose reader goes away": {begin: func(t testing.TB, cmd *exec.Cmd) func() {
			fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
			must(t, err)
			r, w := os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
			t.Cleanup(func() { r.Close(); w.Close() })
			cmd.Stdout, cmd.Stderr = w, w
			return func() { r.Close() }
		}},
		"nohup and hangup": {shell: `trap '' HUP; exec "$@" >/dev/null 2>&1`, begin: func(t testing.TB, cmd *exec.Cmd) func() {
			return func() { must(t, cmd.Process.Signal(syscall.SIGHUP)) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(h *installation) {
				later := func() {}
				cmd, url := serveWith(h, h, func(cmd *exec.Cmd) {
					if c.begin != nil {
						later = c.begin(h, cmd)
					}
					if c.shell != "" {
						cmd.Args = append([]string{"/bin/sh", "-c", c.shell, "sh", cmd.Path}, cmd.Args[1:]...)
						cmd.Path = "/bin/sh"
					}
				})
				l := underLoad(h, url)
				l.goesOn(h, 50, "the start")
				later()
				l.goesOn(h, 1500, name) // more lines than a pipe holds
				l.end()
				begin := time.Now()
				must(h, cmd.Process.Signal(syscall.SIGTERM))
				err := cmd.Wait()
				var exit *exec.ExitError
				if errors.As(err, &exit) || time.Since(begin) > 15*time.Second {
					h.Errorf("after %s it ended with %v", time.Since(begin), err)
				}
			})
		})
	}
}

// What a log that is read again has missed is said in it.
func TestDroppedLinesAreCounted(t *testing.T) {
	t.Parallel()
	h := &installation{T: t, database: "sqlite:" + t.TempDir() + "/countersign.db"}
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	_, url := serveWith(t, h, func(cmd *exec.Cmd) { cmd.Stderr = w })
	w.Close()
	c := &http.Client{Timeout: 10 * time.Second}
	var text bytes.Buffer
	var mu sync.Mutex
	send := func(n int) {
		together(8, func(int) {
			for range n {
				if res, err := c.Get(url + "/healthz"); err == nil {
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}
		})
	}
	send(4000) // 32,000 lines of some 150 bytes: more than pipe and buffer hold
	deadline := time.Now().Add(60 * time.Second)
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, err := r.Read(b)
			mu.Lock()
			text.Write(b[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	for {
		send(1)
		mu.Lock()
		said := strings.Contains(text.String(), "lines of this log were dropped")
		mu.Unlock()
		if said {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the log does not say that it misses lines")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A renewed pair is seen whatever its time stamp, by itself and at SIGHUP. One that cannot be
// used is logged once, with the reason, and doctor says the same.
func TestTLSPairsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	h := &installation{T: t, database: "sqlite:" + t.TempDir() + "/countersign.db"}
	dir := t.TempDir()
	cert, key := dir+"/cert.pem", dir+"/key.pem"
	pool := writePair(t, cert, key)
	stamp := time.Now().Add(-time.Hour)
	date := func() { must(t, os.Chtimes(cert, stamp, stamp)); must(t, os.Chtimes(key, stamp, stamp)) }
	date()
	writePair(t, dir+"/other.pem", dir+"/other-key.pem")
	port := countersigntest.FreePort(t)
	var log countersigntest.Log
	cmd := exec.Command(countersigntest.Binary(t), "serve", "--listen", "127.0.0.1:"+port, "--database", h.database, "--tls-cert", cert, "--tls-key", key)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &log, &log
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	healthy := func() bool {
		res, err := trusting(t, pool).Get("https://localhost:" + port + "/healthz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return true
	}
	eventually(t, 20*time.Second, "the server is healthy", healthy)
	doctor := func() string {
		out, _, _ := h.command("", "doctor", "--public-url", "https://localhost:"+port, "--tls-cert", cert, "--tls-key", key)
		return out
	}
	if out := doctor(); !strings.Contains(out, "TLS certificate: valid until") {
		t.Errorf("doctor says of a good pair: %s", out)
	}

	goodCert, err := os.ReadFile(cert)
	must(t, err)
	goodKey, err := os.ReadFile(key)
	must(t, err)
	foreign, err := os.ReadFile(dir + "/other-key.pem")
	must(t, err)
	const failure = "a changed TLS certificate is not used"
	for name, c := range map[string]struct {
		cert, key []byte // nil: no such file
		reason    string
	}{
		"key of another":       {goodCert, foreign, "private key does not match"},
		"half a certificate":   {goodCert[:len(goodCert)/2], goodKey, "certificate"},
		"no certificate":       {nil, goodKey, "no such file"},
		"no key":               {goodCert, nil, "no such file"},
		"empty key":            {goodCert, []byte{}, "PEM"},
		"key as certificate":   {goodKey, goodKey, "did find a private key"},
		"words as certificate": {[]byte("certificate"), goodKey, "PEM"},
	} {
		put := func(file string, b []byte) {
			if b == nil {
				must(t, os.Remove(file))
				return
			}
			must(t, os.WriteFile(file, b, 0o600))
		}
		put(cert, c.cert)
		put(key, c.key)
		before := strings.Count(log.String(), failure)
		eventually(t, 10*time.Second, name+" is logged", func() bool { return strings.Count(log.String(), failure) > before })
		must(t, cmd.Process.Signal(syscall.SIGHUP))
		time.Sleep(2500 * time.Millisecond)
		if n := strings.Count(log.String(), failure) - before; n != 1 {
			t.Errorf("%s: logged %d times", name, n)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if !strings.Contains(log.String(), c.reason) {
			t.Errorf("%s: no reason %q in the log: %s", name, c.reason, lines[len(lines)-1])
		}
		if !healthy() {
			t.Fatalf("%s took the server down", name)
		}
		if out := doctor(); !strings.Contains(out, "problem  TLS certificate") || !strings.Contains(out, c.reason) {
			t.Errorf("%s: doctor says %s", name, out)
		}
		put(cert, goodCert)
		put(key, goodKey)
		time.Sleep(1200 * time.Millisecond)
	}

	pool = writePair(t, cert, key) // with the time stamp of the pair before
	date()
	eventually(t, 10*time.Second, "the renewed pair is served", healthy)
	writePair(t, cert, key)
	date()
	must(t, cmd.Process.Signal(syscall.SIGHUP))
	eventually(t, 10*time.Second, "SIGHUP is logged", func() bool {
		return strings.Contains(log.String(), "SIGHUP: the TLS certificate and key are read again")
	})
	if strings.Contains(log.String(), "PRIVATE KEY-----") {
		t.Error("the log has a key")
	}
}
