package acceptance_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

const (
	kills       = 50
	callers     = 8  // who register at once
	completions = 16 // sent at most before a kill
)

// The server is killed fifty times at random moments while people register. Whoever
// was told that they are registered still is; whoever was told nothing sends the same
// call again and then is; nobody is half registered or twice.
func TestKilledServerLosesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		n := h.serve()
		crowd := &crowd{installation: h, sent: make(chan struct{}, callers)}
		cut := 0
		for range kills {
			if len(crowd.waiting) < 2000 {
				crowd.waiting = append(crowd.waiting, h.inviteMany(org, "guest"+string('a'+rune(crowd.invited)), 4000)...)
				crowd.invited++
			}
			stop := make(chan struct{})
			var callersDone sync.WaitGroup
			for range callers {
				callersDone.Go(func() { crowd.register(n, stop) })
			}
			crowd.underWay(1 + rand.N(completions))
			time.Sleep(rand.N(10 * time.Millisecond))
			n.Kill()
			close(stop)
			callersDone.Wait()
			n.restart()
			cut += len(crowd.unanswered)
			crowd.insist(n)
		}
		n.stop()
		h.Logf("%d registrations, %d of them cut off by %d kills", len(crowd.registered), cut, kills)
		if cut < kills/2 || len(crowd.registered) < 4*kills {
			h.Errorf("the server was hardly under load: %d registrations, %d cut off", len(crowd.registered), cut)
		}
		h.look().want(len(crowd.registered))
		crowd.check()
	})
}

// crowd is many invited people who register, and what they were told.
type crowd struct {
	installation *installation
	invited      int           // times that people were invited
	sent         chan struct{} // one for each person whose completion is about to be sent

	mu         sync.Mutex
	waiting    []invitation
	unanswered [][]attempt                       // of one person each, completions without an answer
	registered map[string]api.RegistrationResult // by user id, as answered
}

// underWay waits until so many more completions are sent. Kills that follow a number of
// them hit a slow machine's server under the same load as a fast one's.
func (c *crowd) underWay(completions int) {
	for len(c.sent) > 0 {
		<-c.sent // of before the last kill
	}
	for range completions {
		select {
		case <-c.sent:
		case <-time.After(time.Minute):
			c.installation.Fatal("nobody registers")
		}
	}
}

// register registers one person after another until the server is gone. Every fourth
// one begins twice, with two passkeys, and completes both at once: one of them wins.
func (c *crowd) register(n *node, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		inv, ok := c.next()
		if !ok {
			return
		}
		tries := make([]attempt, 1, 2)
		if rand.N(4) == 0 {
			tries = tries[:2]
		}
		for i := range tries {
			a, err := n.begin(inv)
			if err != nil {
				c.broken(err)
				c.mu.Lock()
				c.waiting = append(c.waiting, inv) // the code is as good as it was
				c.mu.Unlock()
				return
			}
			tries[i] = a
		}
		c.complete(n, tries)
	}
}

func (c *crowd) next() (inv invitation, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return inv, false
	}
	inv, c.waiting = c.waiting[0], c.waiting[1:]
	return inv, true
}

// complete sends the attempts of one person, all at once, and keeps what came of them.
func (c *crowd) complete(n *node, tries []attempt) {
	select {
	case c.sent <- struct{}{}:
	default: // nobody waits
	}
	results, errs := race([]*node{n}, tries)
	c.mu.Lock()
	defer c.mu.Unlock()
	won, cut := 0, false
	for i, err := range errs {
		if err == nil {
			won++
			c.keep(results[i])
		} else {
			cut = c.broken(err) || cut
		}
	}
	if won > 1 {
		c.installation.Errorf("one code was used by %d passkeys", won)
	}
	if won == 0 {
		if !cut {
			c.installation.Errorf("nobody won: %v", errs)
		}
		c.unanswered = append(c.unanswered, tries)
	}
}

// insist has everybody who got no answer send the same calls again: of one person's
// attempts exactly one succeeds, whether it had before the kill or does now.
func (c *crowd) insist(n *node) {
	for _, tries := range c.unanswered {
		results, errs := race([]*node{n}, tries)
		c.keep(results[onlyWinner(c.installation, results, errs)])
	}
	c.unanswered = nil
}

func (c *crowd) keep(r api.RegistrationResult) {
	if c.registered == nil {
		c.registered = map[string]api.RegistrationResult{}
	}
	if before, twice := c.registered[r.User.ID]; twice {
		c.installation.Errorf("%s was registered twice: %+v and %+v", r.User.Username, before, r)
	}
	c.registered[r.User.ID] = r
}

// broken reports whether err is that of a connection to a killed server. A refusal must
// be that of the second of two passkeys.
func (c *crowd) broken(err error) bool {
	var e *client.Error
	if !errors.As(err, &e) {
		return true
	}
	if e.Code != "user_already_exists" && e.Code != "registration_lost" {
		c.installation.Errorf("refused: %v", e)
	}
	return false
}

// check compares what people were told with what is stored.
func (c *crowd) check() {
	c.installation.Helper()
	rows, err := c.installation.look().db.Query(`
		SELECT u.id, u.username, u.org_id, k.id, k.kind, k.name
		FROM users u JOIN credentials k ON k.user_id = u.id
		WHERE u.registered_at IS NOT NULL`)
	must(c.installation, err)
	defer rows.Close()
	stored := map[string]api.RegistrationResult{}
	for rows.Next() {
		var r api.RegistrationResult
		must(c.installation, rows.Scan(&r.User.ID, &r.User.Username, &r.User.OrgID, &r.Credential.UUID, &r.Credential.Kind, &r.Credential.Name))
		stored[r.User.ID] = r
	}
	must(c.installation, rows.Err())
	for id, told := range c.registered {
		if stored[id] != told {
			c.installation.Errorf("was told %+v, stored is %+v", told, stored[id])
		}
	}
}
