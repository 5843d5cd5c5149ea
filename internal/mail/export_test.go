package mail

import "time"

// Limit shortens the 15 seconds that one mail may take.
func (s *Sender) Limit(d time.Duration) { s.limit = d }

// Clean and Wrap are tested by themselves: what they do to hostile text is easier to
// see there than in a whole mail.
var (
	Clean = clean
	Wrap  = wrap
)
