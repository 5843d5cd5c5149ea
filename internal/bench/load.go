package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// warmUp is how many registrations a target sees before anything is measured.
const warmUp = 400

// invitation is what one registration begins with.
type invitation struct{ username, code string }

// target is a running server that registrations are driven against.
type target struct {
	name        string
	process     *process
	host        string // host:port as in the public URL
	orgID       string
	passkey     *passkey
	invitations []invitation // not used yet
	registered  int
	stored      func(context.Context) (int, error) // counts credentials in its database
}

// load is what was measured at one concurrency, over all rounds.
type load struct {
	n         int
	elapsed   time.Duration
	cpu       time.Duration // of the server process
	latencies []time.Duration
}

func (l load) rate() float64 { return float64(l.n) / l.elapsed.Seconds() }

// cpuMillis is the server's processor time for one registration, in milliseconds.
func (l load) cpuMillis() float64 { return l.cpu.Seconds() * 1000 / float64(l.n) }

// percentile returns the latency within which the share p of registrations completed.
func (l load) percentile(p float64) time.Duration {
	return percentileOf(l.latencies, p)
}

func percentileOf(d []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

func (l *load) add(m load) {
	l.n += m.n
	l.elapsed += m.elapsed
	l.cpu += m.cpu
	l.latencies = append(l.latencies, m.latencies...)
}

// drive completes n registrations with the given number of clients and fails at the
// first answer that is not 200.
func (t *target) drive(ctx context.Context, concurrency, n int) (load, error) {
	if n > len(t.invitations) {
		return load{}, fmt.Errorf("%s: %d invitations left, %d needed", t.name, len(t.invitations), n)
	}
	todo := t.invitations[:n]
	t.invitations = t.invitations[n:]
	l, err := t.run(ctx, concurrency, n, func(ctx context.Context, w *worker, i int) error { return w.register(ctx, todo[i]) })
	if err == nil {
		t.registered += n
	}
	return l, err
}

// run does a job n times with the given number of clients and fails at the first error.
func (t *target) run(ctx context.Context, concurrency, n int, job func(context.Context, *worker, int) error) (load, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	result := load{n: n, latencies: make([]time.Duration, n)}
	before, err := t.process.cpu()
	if err != nil {
		return result, err
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	begun := time.Now()
	for range concurrency {
		workers.Go(func() {
			w := worker{target: t, client: client{addr: t.process.addr, host: t.host}}
			defer w.client.close()
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				at := time.Now()
				if err := job(ctx, &w, int(i)); err != nil {
					cancel(fmt.Errorf("%s at concurrency %d: %w", t.name, concurrency, err))
					return
				}
				result.latencies[i] = time.Since(at)
			}
		})
	}
	workers.Wait()
	result.elapsed = time.Since(begun)
	if ctx.Err() != nil {
		return result, errors.Join(context.Cause(ctx), t.process.trouble())
	}
	after, err := t.process.cpu()
	result.cpu = after - before
	return result, err
}

// verify holds the target to its word: every registration answered 200 is stored.
func (t *target) verify(ctx context.Context) error {
	n, err := t.stored(ctx)
	if err == nil && n != t.registered {
		err = fmt.Errorf("%s answered %d registrations with success and stored %d", t.name, t.registered, n)
	}
	return err
}

// worker is one client with its buffers.
type worker struct {
	target    *target
	client    client
	body      []byte
	challenge []byte
	token     []byte
	attest    attestation
}

func (w *worker) register(ctx context.Context, inv invitation) error {
	// Nothing that is written here needs escaping in JSON: ids, codes and our own names.
	b := append(w.body[:0], `{"orgId":"`...)
	b = append(b, w.target.orgID...)
	b = append(b, `","username":"`...)
	b = append(b, inv.username...)
	b = append(b, `","registrationCode":"`...)
	b = append(b, inv.code...)
	w.body = append(b, `"}`...)
	status, answer, err := w.client.post(ctx, "/auth/registration/init", "", w.body)
	if err != nil {
		return err
	}
	if status != 200 {
		return fmt.Errorf("init answered %d: %s", status, clip(answer))
	}
	var okChallenge, okToken bool
	w.challenge, okChallenge = member(w.challenge, answer, `"challenge":"`)
	w.token, okToken = member(w.token, answer, `"temporaryAuthenticationToken":"`)
	if !okChallenge || !okToken {
		return fmt.Errorf("init answered without challenge or token: %s", clip(answer))
	}

	w.target.passkey.create(&w.attest, w.challenge)
	b = append(w.body[:0], `{"firstFactorCredential":{"credentialKind":"Fido2","credentialName":"Bench","credentialInfo":{"credId":"`...)
	b = append(b, w.attest.credentialID...)
	b = append(b, `","clientData":"`...)
	b = append(b, w.attest.clientData...)
	b = append(b, `","attestationData":"`...)
	b = append(b, w.attest.object...)
	w.body = append(b, `"},"transports":["internal"]}}`...)
	status, answer, err = w.client.post(ctx, "/auth/registration", string(w.token), w.body)
	if err != nil {
		return err
	}
	if status != 200 || !bytes.Contains(answer, []byte(inv.username)) {
		return fmt.Errorf("the completing call answered %d: %s", status, clip(answer))
	}
	return nil
}

// member copies the text of a JSON string member that holds no escapes, as base64url
// and tokens do not. Decoding the whole answer would cost as much as the request.
func member(into, text []byte, name string) ([]byte, bool) {
	_, rest, ok := bytes.Cut(text, []byte(name))
	end := bytes.IndexByte(rest, '"')
	if !ok || end <= 0 {
		return into[:0], false
	}
	return append(into[:0], rest[:end]...), true
}

func clip(b []byte) []byte { return b[:min(len(b), 400)] }
