package floor

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/api"
)

// OrgID is the floor's one organisation.
const OrgID = "or-00000-00000-floor00000000000"

// ErrLost says that a code was spent or a user registered already, or that neither is
// known.
var ErrLost = errors.New("floor: the code is not live")

// Invited is what the read finds.
type Invited struct {
	UserID, CodeID string
	Registered     bool
	Spent          bool
	ExpiresAt      int64 // Unix milliseconds
}

// Registration is what one completed registration stores.
type Registration struct {
	UserID, CodeID, CredentialUUID, Origin, RPID string
	CredentialID, AttestationObject, ClientData  []byte
	At                                           time.Time
}

// Store keeps the floor's records.
type Store interface {
	// Invitation reads the invitation of a user by name and code; ErrLost if there is none.
	Invitation(ctx context.Context, username string, mac []byte) (Invited, error)
	// Register stores r together with what others register at the same moment, and
	// returns once it is on disk. If one of a group fails, all fail: a floor is not careful.
	Register(ctx context.Context, r Registration) error
	// Seed adds an invited user for every name, with the code whose MAC is given.
	Seed(ctx context.Context, names []string, macs [][]byte, now time.Time) error
	// Count returns how many credentials are stored.
	Count(ctx context.Context) (int, error)
	Close() error
}

// Open makes the floor's tables in an empty database, or opens them.
func Open(ctx context.Context, url string) (Store, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return openSQLite(ctx, path)
	}
	return openPostgres(ctx, url)
}

// statements are the four writes of a registration.
func (r Registration) statements() [4]statement {
	at := r.At.UnixMilli()
	aaguid := make([]byte, 16)
	// A key in SPKI is 91 bytes for P-256. The floor does not decode the COSE key; it
	// writes as many bytes.
	public := make([]byte, 91)
	copy(public, r.AttestationObject[max(0, len(r.AttestationObject)-len(public)):])
	detail := []byte(`{"credentialKind":"Fido2","factor":"first","format":"none"}`)
	return [4]statement{
		{sqlSpend, []any{r.CodeID, at}},
		{sqlRegister, []any{r.UserID, at}},
		{sqlCredential, []any{r.CredentialUUID, OrgID, r.UserID, r.CodeID, api.KindFido2, "first", "Default Credential", r.RPID,
			r.CredentialID, public, "ES256", r.RPID, r.Origin, aaguid, int64(0), int64(0x45), "none", "None",
			r.AttestationObject, r.ClientData, `["internal"]`, at}},
		{sqlEvent, []any{api.NewID(api.PrefixEvent, r.At), OrgID, at, "user.registered", r.UserID, r.CredentialUUID, r.CodeID, r.UserID, "127.0.0.1", detail}},
	}
}

// groupLimit is the most registrations that share a commit.
const groupLimit = 128

// grouper hands waiting registrations to commit in groups: whoever comes while a commit
// is under way goes into the next one. commit is called by each of its writers in turn.
type grouper struct {
	queue   chan pending
	writers sync.WaitGroup
}

type pending struct {
	registration Registration
	done         chan error
}

func newGrouper(writers int, commit func([]Registration) error) *grouper {
	g := &grouper{queue: make(chan pending, 1024)}
	for range writers {
		g.writers.Go(func() { g.run(commit) })
	}
	return g
}

func (g *grouper) run(commit func([]Registration) error) {
	waiting := make([]pending, 0, groupLimit)
	group := make([]Registration, 0, groupLimit)
	for first := range g.queue {
		waiting = append(waiting[:0], first)
		waiting = g.drain(waiting)
		group = group[:0]
		for _, w := range waiting {
			group = append(group, w.registration)
		}
		err := commit(group)
		for _, w := range waiting {
			w.done <- err
		}
	}
}

// drain adds what waits already, without waiting for more.
func (g *grouper) drain(waiting []pending) []pending {
	for len(waiting) < groupLimit {
		select {
		case next, ok := <-g.queue:
			if !ok {
				return waiting
			}
			waiting = append(waiting, next)
		default:
			return waiting
		}
	}
	return waiting
}

func (g *grouper) register(ctx context.Context, r Registration) error {
	p := pending{registration: r, done: make(chan error, 1)}
	select {
	case g.queue <- p:
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-p.done
}

// close waits until what is queued is committed. Nobody may register any more.
func (g *grouper) close() {
	close(g.queue)
	g.writers.Wait()
}
