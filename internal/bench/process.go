package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that this program started.
type process struct {
	addr    string // host:port it listens on
	logFile string
	cmd     *exec.Cmd
	exited  chan struct{}
	ready   time.Duration // from start to the first healthy answer
}

// startLimit is how long a server may take to answer.
const startLimit = 20 * time.Second

// freeAddr returns a loopback address on which nothing listens at this moment.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// start runs command and waits until GET /healthz on addr answers 200.
func start(ctx context.Context, logFile, addr, command string, args ...string) (*process, error) {
	output, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	p := &process{addr: addr, logFile: logFile, cmd: exec.Command(command, args...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = output, output
	begun := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait() // how it ended does not matter: it is only ended by stop, or by its own failure, which the log tells
		close(p.exited)
	}()
	if err := p.await(ctx); err != nil {
		return nil, errors.Join(err, p.trouble(), p.stop())
	}
	p.ready = time.Since(begun)
	return p, nil
}

func (p *process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/healthz", nil)
		if err != nil {
			return err
		}
		if resp, err := transport.RoundTrip(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.exited:
			return errors.New("the server ended instead of answering")
		case <-ctx.Done():
			return fmt.Errorf("the server did not answer: %w", ctx.Err())
		case <-time.After(500 * time.Microsecond):
		}
	}
}

// stop asks the process to end, and ends it if it does not within ten seconds.
func (p *process) stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	select {
	case <-p.exited:
		return nil
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("%s did not stop when asked and was killed", p.cmd.Path)
	}
}

// trouble returns the last lines that the process wrote, as an error.
func (p *process) trouble() error {
	b, err := os.ReadFile(p.logFile)
	if err != nil {
		return err
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return fmt.Errorf("its last words:\n%s", bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}

// clockTick is the unit of processor time in /proc, fixed at 100 Hz for user space on
// every architecture that Go supports on Linux.
const clockTick = 10 * time.Millisecond

// cpu returns the processor time used so far, user and system (proc_pid_stat(5)).
func (p *process) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("processor time is read from /proc, as on Linux: %w", err)
	}
	_, rest, ok := bytes.Cut(b, []byte(") ")) // the name before may hold anything
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat cannot be read", p.cmd.Process.Pid)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, errors.Join(err1, err2)
}

// memory returns resident memory in bytes: now, and the most there ever was.
func (p *process) memory() (now, peak int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		kB, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kB << 10
		case "VmHWM":
			peak = kB << 10
		}
	}
	if now == 0 {
		err = fmt.Errorf("/proc/%d/status has no VmRSS", p.cmd.Process.Pid)
	}
	return now, peak, err
}
