package mail

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds on mails under way at once and on all that were posted and are not yet sent, and
// with them on what a flood of requests for codes can hold in memory.
const (
	maxSending = 8
	maxPosted  = 1000
)

// postLimit bounds one posted mail, with what its sender does besides.
const postLimit = 30 * time.Second

var errFull = errors.New("too many mails are waiting for a slow mail server")

// Outbox sends mails in the background, so that an answer takes the same time whether or
// not there is anybody to write to.
type Outbox struct {
	Sender *Sender // nil: no mail is configured

	sending chan struct{}
	posted  atomic.Int32
	all     sync.WaitGroup
}

// NewOutbox returns an empty outbox. Without a sender no mail is configured.
func NewOutbox(s *Sender) *Outbox {
	return &Outbox{Sender: s, sending: make(chan struct{}, maxSending)}
}

// Configured reports whether mail can be sent at all.
func (o *Outbox) Configured() bool { return o.Sender != nil }

// Reaches reports whether mail can be sent to this name: mail is configured and the name
// is an address.
func (o *Outbox) Reaches(name string) bool { return o.Configured() && ValidAddress(name) }

// Post calls send in the background, and failed with the error if it fails or if too many
// mails are waiting already.
func (o *Outbox) Post(send func(context.Context) error, failed func(error)) {
	if o.posted.Add(1) > maxPosted {
		o.posted.Add(-1)
		failed(errFull)
		return
	}
	o.all.Go(func() {
		defer o.posted.Add(-1)
		o.sending <- struct{}{}
		defer func() { <-o.sending }()
		ctx, cancel := context.WithTimeout(context.Background(), postLimit)
		defer cancel()
		if err := send(ctx); err != nil {
			failed(err)
		}
	})
}

// Finish waits until all that was posted is sent or has failed. The database is closed
// after it, for senders note there what they sent.
func (o *Outbox) Finish() { o.all.Wait() }
