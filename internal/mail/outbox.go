package mail

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// These limits also bound what a flood of requests for codes can hold in memory.
const (
	maxSending  = 8                // mails that are being sent at once
	maxPosted   = 1000             // mails that are being sent or waiting
	maxRetrying = 500              // of them, mails that wait for their next attempt
	postLimit   = 30 * time.Second // time for one attempt and for what its send function does besides
	firstPause  = time.Minute      // before the second attempt
	maxPause    = 30 * time.Minute
)

var errFull = errors.New("too many mails are waiting for a slow mail server")

// Outbox sends mails in the background, so that an answer takes the same time whether or not a
// mail is sent.
type Outbox struct {
	Sender *Sender // nil: no mail is configured

	sending    chan struct{}
	posted     atomic.Int32
	retrying   atomic.Int32
	all        sync.WaitGroup
	firstPause time.Duration

	mu     sync.Mutex
	finish chan struct{}  // closed by Finish
	count  int            // postings so far
	latest map[string]int // the newest posting of each key
}

// NewOutbox returns an empty outbox. A nil sender means that no mail is configured.
func NewOutbox(s *Sender) *Outbox {
	return &Outbox{Sender: s, sending: make(chan struct{}, maxSending), firstPause: firstPause,
		finish: make(chan struct{}), latest: map[string]int{}}
}

// Configured reports whether mail can be sent at all.
func (o *Outbox) Configured() bool { return o.Sender != nil }

// Reaches reports whether mail can be sent to name: mail is configured and name is an address.
func (o *Outbox) Reaches(name string) bool { return o.Configured() && ValidAddress(name) }

// Post calls send in the background. If send fails, or too many mails are waiting already,
// Post calls failed with the error.
func (o *Outbox) Post(send func(context.Context) error, failed func(error)) {
	o.PostFor(Posting{Send: send, Failed: failed})
}

// Posting is a mail that is sent again while the mail server says that it does not take it yet.
type Posting struct {
	Key    string        // the newest posting of a key ends the retries of those before
	For    time.Duration // how long it is worth sending; zero means one attempt
	Send   func(context.Context) error
	Failed func(error)                          // called once, if nothing more is tried
	Later  func(why error, after time.Duration) // called before each wait for the next attempt
}

// Tell mails users what was changed in their account, if a mail reaches them.
func (o *Outbox) Tell(m AccountChange, failed func(error)) {
	if o.Reaches(m.To) {
		o.Post(func(ctx context.Context) error { return o.Sender.AccountChanged(ctx, m) }, failed)
	}
}

// PostFor sends p in the background: after a failure that is Temporary again after a minute, then
// after twice as long each time up to half an hour, as long as the mail is worth sending. What
// waits is in memory alone; Finish gives it up.
func (o *Outbox) PostFor(p Posting) {
	if o.posted.Add(1) > maxPosted {
		o.posted.Add(-1)
		p.Failed(errFull)
		return
	}
	nth := o.newest(p.Key)
	o.all.Go(func() {
		defer o.posted.Add(-1)
		defer o.forget(p.Key, nth)
		ends := time.Now().Add(p.For)
		for pause := o.firstPause; ; pause = min(2*pause, maxPause) {
			err := o.attempt(p.Send)
			if err == nil {
				return
			}
			if !Temporary(err) || time.Now().Add(pause).After(ends) {
				p.Failed(err)
				return
			}
			if o.retrying.Add(1) > maxRetrying {
				o.retrying.Add(-1)
				p.Failed(err)
				return
			}
			p.Later(err, pause)
			goesOn := o.wait(pause)
			o.retrying.Add(-1)
			if !goesOn {
				p.Failed(err)
				return
			}
			if o.isNewer(p.Key, nth) {
				return
			}
		}
	})
}

func (o *Outbox) attempt(send func(context.Context) error) error {
	o.sending <- struct{}{}
	defer func() { <-o.sending }()
	ctx, cancel := context.WithTimeout(context.Background(), postLimit)
	defer cancel()
	return send(ctx)
}

// wait reports whether pause went by before Finish.
func (o *Outbox) wait(pause time.Duration) bool {
	o.mu.Lock()
	finish := o.finish
	o.mu.Unlock()
	select {
	case <-finish:
		return false
	case <-time.After(pause):
		return true
	}
}

// newest notes one more posting of a key.
func (o *Outbox) newest(key string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
	if key != "" {
		o.latest[key] = o.count
	}
	return o.count
}

func (o *Outbox) isNewer(key string, nth int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return key != "" && o.latest[key] > nth
}

func (o *Outbox) forget(key string, nth int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.latest[key] == nth {
		delete(o.latest, key)
	}
}

// Finish waits until every posted mail is sent or has failed. It does not wait for a next
// attempt: such a mail has failed. Close the database only after it: send functions record in it
// what they sent.
func (o *Outbox) Finish() {
	o.mu.Lock()
	close(o.finish)
	o.mu.Unlock()
	o.all.Wait()
	o.mu.Lock()
	o.finish = make(chan struct{})
	o.mu.Unlock()
}
