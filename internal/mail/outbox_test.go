package mail_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/testing/smtptest"
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

// A mail that the server does not take yet is sent again, with growing pauses, until it is taken.
func TestOutboxTriesAgain(t *testing.T) {
	t.Parallel()
	var left atomic.Int32
	left.Store(3)
	srv := smtptest.Start(t, smtptest.Options{Reply: func(c string) string {
		if strings.HasPrefix(c, "RCPT") && left.Add(-1) >= 0 {
			return "450 4.2.0 greylisted"
		}
		return ""
	}})
	s := newSender(t, mail.Config{URL: srv.URL})
	s.SayHello("sign.example.org")
	o := mail.NewOutbox(s)
	o.Pause(20 * time.Millisecond)
	var pauses []time.Duration
	done := make(chan error, 1)
	o.PostFor(mail.Posting{For: time.Minute, Failed: func(err error) { done <- err },
		Send: func(ctx context.Context) error {
			err := s.Invite(ctx, invitation())
			if err == nil {
				done <- nil
			}
			return err
		},
		Later: func(why error, after time.Duration) {
			if api.CodeOf(why) != "mail_deferred" {
				t.Errorf("later because of %v", why)
			}
			pauses = append(pauses, after)
		}})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	o.Finish()
	if n := len(srv.Messages()); n != 1 || len(pauses) != 3 || pauses[2] != 80*time.Millisecond {
		t.Fatalf("%d mails arrived after pauses of %v", n, pauses)
	}
	if got := srv.Messages()[0].HeloName; got != "sign.example.org" {
		t.Errorf("EHLO named %q", got)
	}
}

// It is not sent again after its time, after a refusal, after Finish, or once a newer one of its
// key is posted.
func TestOutboxGivesUp(t *testing.T) {
	t.Parallel()
	later := &api.Error{Kind: api.Unavailable, Code: "mail_deferred", Message: "Later."}
	for name, c := range map[string]struct {
		lasts  time.Duration
		err    error
		finish bool
		newer  bool
		most   int32
		failed bool
	}{
		"expired":     {lasts: 50 * time.Millisecond, err: later, most: 3, failed: true},
		"one attempt": {lasts: 0, err: later, most: 1, failed: true},
		"refused":     {lasts: time.Minute, err: &api.Error{Code: "mail_recipient_refused"}, most: 1, failed: true},
		"login":       {lasts: time.Minute, err: &api.Error{Code: "mail_login_refused"}, most: 1, failed: true},
		"finish":      {lasts: time.Hour, err: later, finish: true, most: 4, failed: true},
		"newer":       {lasts: time.Minute, err: later, newer: true, most: 2},
	} {
		o := mail.NewOutbox(nil)
		o.Pause(20 * time.Millisecond)
		var sent, failed atomic.Int32
		o.PostFor(mail.Posting{Key: "k", For: c.lasts, Failed: func(error) { failed.Add(1) }, Later: func(error, time.Duration) {},
			Send: func(context.Context) error { sent.Add(1); return c.err }})
		if c.newer {
			hold := make(chan struct{})
			o.PostFor(mail.Posting{Key: "k", Send: func(context.Context) error { <-hold; return nil }})
			time.Sleep(200 * time.Millisecond)
			close(hold)
		} else if !c.finish {
			time.Sleep(200 * time.Millisecond)
		}
		o.Finish()
		if sent.Load() > c.most || (failed.Load() == 1) != c.failed {
			t.Errorf("%s: sent %d times, failed %d times", name, sent.Load(), failed.Load())
		}
	}
}
