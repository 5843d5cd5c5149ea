package countersigntest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var build struct {
	once sync.Once
	path string
	err  error
}

// Binary returns the path of cmd/countersign, which it builds once in a test process.
func Binary(t testing.TB) string {
	t.Helper()
	build.once.Do(func() {
		sweep()
		dir, err := os.MkdirTemp("", "countersign-binary-")
		if err != nil {
			build.err = err
			return
		}
		build.path = filepath.Join(dir, "countersign")
		out, err := exec.Command("go", "build", "-o", build.path, "github.com/countersign/countersign/cmd/countersign").CombinedOutput()
		if err != nil {
			build.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	must(t, build.err)
	return build.path
}

// sweep removes the binaries of test processes that ended long ago. A process cannot remove
// its own, because it does not know when its last test ends.
func sweep() {
	old, _ := filepath.Glob(filepath.Join(os.TempDir(), "countersign-binary-*"))
	for _, dir := range old {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > 2*time.Hour {
			os.RemoveAll(dir)
		}
	}
}

// Process is a running `countersign serve`.
type Process struct {
	URL  string // "http://localhost:PORT"
	cmd  *exec.Cmd
	out  *Log
	err  *Log
	done chan struct{} // closed when the process has ended
}

// StartBinary runs `countersign serve` with the given further arguments on a free
// loopback port and waits until it is ready. The test's end kills it.
func StartBinary(t testing.TB, args ...string) *Process {
	t.Helper()
	return StartBinaryAt(t, FreePort(t), args...)
}

// FreePort returns a loopback port that nothing listened on a moment ago.
func FreePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return port(l)
}

// StartBinaryAt is StartBinary on a given port, for a server that is restarted.
func StartBinaryAt(t testing.TB, port string, args ...string) *Process {
	t.Helper()
	p := &Process{URL: "http://localhost:" + port, out: &Log{}, err: &Log{}, done: make(chan struct{})}
	p.cmd = exec.Command(Binary(t), append([]string{"serve", "--listen", "127.0.0.1:" + port}, args...)...)
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.err
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, p.cmd.Start())
	go func() { p.cmd.Wait(); close(p.done) }()
	t.Cleanup(p.Kill)
	p.await(t)
	return p
}

func (p *Process) await(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/readyz", nil)
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-p.done:
			t.Fatalf("countersign serve ended: %s%s", p.out, p.err)
		case <-ctx.Done():
			t.Fatalf("countersign serve did not become ready: %s%s", p.out, p.err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Stop ends the server with SIGTERM and returns its exit status.
func (p *Process) Stop() int {
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Wait waits until the server has ended.
func (p *Process) Wait() { <-p.done }

// Kill ends the server with SIGKILL.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stdout returns what the server has printed so far.
func (p *Process) Stdout() string { return p.out.String() }

// Stderr returns what the server has logged so far.
func (p *Process) Stderr() string { return p.err.String() }

// Command runs a command of the binary and returns what it printed and its exit status.
func Command(t testing.TB, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(Binary(t), args...)
	cmd.Dir = t.TempDir()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		if _, exited := err.(*exec.ExitError); !exited {
			t.Fatal(err)
		}
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
