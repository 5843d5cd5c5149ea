package mail

import "time"

// Limit shortens the 15 seconds that one mail may take.
func (s *Sender) Limit(d time.Duration) { s.limit = d }

// Pause shortens the minute before the second attempt.
func (o *Outbox) Pause(d time.Duration) { o.firstPause = d }

// Clean and Wrap are tested alone, because their effect on hostile text is hard to see in a
// whole mail.
var (
	Clean = clean
	Wrap  = wrap
)
