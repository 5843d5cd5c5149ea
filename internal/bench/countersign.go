package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// buildBinary builds the server as a release is built and returns its path.
func buildBinary(ctx context.Context, set settings) (string, error) {
	if set.binary != "" {
		return filepath.Abs(set.binary)
	}
	binary := filepath.Join(set.work, "countersign")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "github.com/countersign/countersign/cmd/countersign")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return binary, nil
}

// server is the real binary with one organisation in one database.
type server struct {
	binary, database, orgID string
	work                    string
}

func newServer(ctx context.Context, set settings, binary, database string) (*server, error) {
	s := &server{binary: binary, database: database, work: set.work}
	out, err := s.command(ctx, "org", "create", "--name", "Benchmark", "--json")
	if err != nil {
		return nil, err
	}
	var created struct {
		OrgID string `json:"orgId"`
	}
	if err := json.Unmarshal(out, &created); err != nil || created.OrgID == "" {
		return nil, fmt.Errorf("org create printed %q", clip(out))
	}
	s.orgID = created.OrgID
	return s, nil
}

// command runs one command of the binary to its end and returns what it printed.
func (s *server) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.binary, append(args, "--database", s.database)...)
	cmd.Dir = s.work
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("countersign %s: %w: %s", args[0], err, clip(bytes.TrimSpace(stderr.Bytes())))
	}
	return out, nil
}

// invite invites n users in bulk and returns their codes and how long the command took.
func (s *server) invite(ctx context.Context, n int, prefix string) ([]invitation, time.Duration, error) {
	file := filepath.Join(s.work, "users.csv")
	var csv bytes.Buffer
	csv.WriteString("username,kind\n")
	for i := range n {
		fmt.Fprintf(&csv, "%s-%07d@example.org,EndUser\n", prefix, i)
	}
	if err := os.WriteFile(file, csv.Bytes(), 0o600); err != nil {
		return nil, 0, err
	}
	begun := time.Now()
	out, err := s.command(ctx, "user", "invite", "--org", s.orgID, "--csv", file, "--format", "csv")
	took := time.Since(begun)
	if err != nil {
		return nil, 0, err
	}
	invitations := make([]invitation, 0, n)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Split(lines.Text(), ",")
		if len(fields) != 3 || fields[0] != s.orgID {
			return nil, 0, fmt.Errorf("user invite printed %q", lines.Text())
		}
		invitations = append(invitations, invitation{fields[1], fields[2]})
	}
	if len(invitations) != n {
		return nil, 0, fmt.Errorf("user invite printed %d lines for %d users", len(invitations), n)
	}
	return invitations, took, nil
}

// serve starts the server and returns it as a target.
func (s *server) serve(ctx context.Context, invitations []invitation) (*target, error) {
	t := &target{name: "Countersign", orgID: s.orgID, invitations: invitations}
	t.stored = func(ctx context.Context) (int, error) { return countRows(ctx, s.database, "credentials") }
	return t, t.launch(ctx, s.work, s.binary, "serve", "--database", s.database)
}

// coldStart starts and stops the server a few times on its migrated database and returns
// the median time to a healthy answer.
func (s *server) coldStart(ctx context.Context) (time.Duration, error) {
	var times []time.Duration
	for range 7 {
		t, err := s.serve(ctx, nil)
		if err != nil {
			return 0, err
		}
		times = append(times, t.process.ready)
		if err := t.process.stop(); err != nil {
			return 0, err
		}
	}
	return median(times), nil
}

// launch starts a server process on a free port and makes the passkey that fits its
// public URL, which names localhost because an address is no relying party.
func (t *target) launch(ctx context.Context, work, command string, args ...string) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	t.host = "localhost:" + port
	origin := "http://" + t.host
	if t.passkey, err = newPasskey(origin); err != nil {
		return err
	}
	t.process, err = start(ctx, filepath.Join(work, t.name+"-"+port+".log"), addr, command, append(args, "--listen", addr, "--public-url", origin)...)
	return err
}
