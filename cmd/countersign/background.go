package main

import (
	"bytes"
	"io"
	"sync"
	"time"
)

const (
	// backgroundBytes is how much may wait for a reader that is slow.
	backgroundBytes = 4 << 20
	// flushTime is how long the end waits for such a reader.
	flushTime = time.Second
)

// backgroundWriter writes to another writer in the background, so that no request waits for
// who reads the log. What does not fit and what the other writer refuses is dropped, and its
// lines are counted. A Write never fails and never waits.
type backgroundWriter struct {
	to     io.Writer
	report func(lines int) // told of dropped lines once writing works again; may be nil

	mu      sync.Mutex
	waiting []byte
	dropped int
	closed  bool
	wake    chan struct{}
	done    chan struct{}
}

// newBackgroundWriter returns a writer to w. Its owner closes it.
func newBackgroundWriter(w io.Writer) *backgroundWriter {
	b := &backgroundWriter{to: w, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.run()
	return b
}

func (b *backgroundWriter) Write(p []byte) (int, error) {
	b.mu.Lock()
	if len(b.waiting)+len(p) > backgroundBytes {
		b.dropped += lines(p)
	} else {
		b.waiting = append(b.waiting, p...)
	}
	b.mu.Unlock()
	b.signal()
	return len(p), nil
}

func (b *backgroundWriter) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *backgroundWriter) run() {
	defer close(b.done)
	var writing []byte
	for range b.wake {
		b.mu.Lock()
		writing, b.waiting = b.waiting, writing[:0]
		closed := b.closed
		b.mu.Unlock()
		if len(writing) > 0 {
			b.write(writing)
		}
		if closed {
			return
		}
	}
}

// write writes p and, once that works again, reports what was dropped before.
func (b *backgroundWriter) write(p []byte) {
	n, err := b.to.Write(p)
	b.mu.Lock()
	if err != nil {
		b.dropped += lines(p[min(max(n, 0), len(p)):])
	}
	dropped := b.dropped
	if err != nil || b.report == nil {
		dropped = 0
	} else {
		b.dropped = 0
	}
	b.mu.Unlock()
	if dropped > 0 {
		b.report(dropped)
	}
}

// Close writes what waits. It gives up a reader that takes nothing for a second.
func (b *backgroundWriter) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.signal()
	select {
	case <-b.done:
	case <-time.After(flushTime):
	}
	return nil
}

func lines(p []byte) int { return bytes.Count(p, []byte("\n")) }
