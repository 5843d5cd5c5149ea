package mail_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/internal/mail"
)

// While a mail server stalls, eight connections and a thousand mails wait, but no request.
func TestOutboxIsBounded(t *testing.T) {
	o := mail.NewOutbox(nil)
	release := make(chan struct{})
	var sending, most, sent, refused atomic.Int32
	for range 1010 {
		o.Post(func(context.Context) error {
			for n := sending.Add(1); ; {
				if old := most.Load(); n <= old || most.CompareAndSwap(old, n) {
					break
				}
			}
			<-release
			sending.Add(-1)
			sent.Add(1)
			return nil
		}, func(error) { refused.Add(1) })
	}
	if refused.Load() != 10 {
		t.Errorf("%d of 1,010 mails were refused, want 10", refused.Load())
	}
	close(release)
	o.Finish()
	if sent.Load() != 1000 || most.Load() > 8 {
		t.Errorf("%d mails were sent, at most %d at once; want 1000 and at most 8", sent.Load(), most.Load())
	}
	o.Post(func(context.Context) error { sent.Add(1); return nil }, func(error) { refused.Add(1) })
	o.Finish()
	if sent.Load() != 1001 {
		t.Error("an outbox that was full accepts no more mails")
	}
}

// A caller of Post learns why a mail was not sent, and each mail has a time limit.
func TestOutboxReportsFailures(t *testing.T) {
	o := mail.NewOutbox(nil)
	broken := errors.New("broken")
	var reported atomic.Value
	o.Post(func(ctx context.Context) error {
		if _, limited := ctx.Deadline(); !limited {
			t.Error("a posted mail has no time limit")
		}
		return broken
	}, func(err error) { reported.Store(err) })
	o.Finish()
	if reported.Load() != broken {
		t.Errorf("reported %v, want %v", reported.Load(), broken)
	}
}

func TestOutboxReaches(t *testing.T) {
	none := mail.NewOutbox(nil)
	some := mail.NewOutbox(newSender(t, mail.Config{URL: "smtp://localhost"}))
	if none.Configured() || none.Reaches("ada@example.org") {
		t.Error("an outbox without a sender reaches somebody")
	}
	if !some.Configured() || !some.Reaches("ada@example.org") || some.Reaches("ada") {
		t.Error("an outbox with a sender does not reach exactly the addresses")
	}
}
