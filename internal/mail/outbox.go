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
	maxSending = 8                // mails that are being sent at once
	maxPosted  = 1000             // mails that are being sent or waiting
	postLimit  = 30 * time.Second // time for one mail and for what its send function does besides
)

var errFull = errors.New("too many mails are waiting for a slow mail server")

// Outbox sends mails in the background, so that an answer takes the same time whether or not a
// mail is sent.
type Outbox struct {
	Sender *Sender // nil: no mail is configured

	sending chan struct{}
	posted  atomic.Int32
	all     sync.WaitGroup
}

// NewOutbox returns an empty outbox. A nil sender means that no mail is configured.
func NewOutbox(s *Sender) *Outbox {
	return &Outbox{Sender: s, sending: make(chan struct{}, maxSending)}
}

// Configured reports whether mail can be sent at all.
func (o *Outbox) Configured() bool { return o.Sender != nil }

// Reaches reports whether mail can be sent to name: mail is configured and name is an address.
func (o *Outbox) Reaches(name string) bool { return o.Configured() && ValidAddress(name) }

// Post calls send in the background. If send fails, or too many mails are waiting already,
// Post calls failed with the error.
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

// Finish waits until every posted mail is sent or has failed. Close the database only after
// it: send functions record in it what they sent.
func (o *Outbox) Finish() { o.all.Wait() }
