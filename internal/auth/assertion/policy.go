package assertion

import (
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

// What an organisation does when a counter or a backup flag is not as expected
// (WebAuthn L3 §7.2 steps 18, 19 and 22). "" is the default.
const (
	policyAuto   = ""       // sign count: refuse for device-bound credentials, record for synced ones; backup: alert
	policyRefuse = "refuse" // the assertion does not pass; an event tells of it
	policyAlert  = "alert"  // it passes; an event and a warning in the log tell of it
	policyRecord = "record" // it passes; an event tells of it
)

// note is something out of line. It becomes an event of that kind.
type note struct {
	kind   string // store.EventCredentialSignCountOutOfLine or store.EventCredentialBackupChanged
	policy string // what was done: refuse, alert or record
	detail map[string]any
}

// event is the note as an event of the credential's user.
func (n note) event(p VerifiedFactor, who api.Caller) store.Event {
	detail := map[string]any{"policy": n.policy}
	for k, v := range n.detail {
		detail[k] = v
	}
	text, err := json.Marshal(detail, json.Deterministic(true))
	if err != nil { // numbers and booleans
		panic("assertion: " + err.Error())
	}
	c := p.Credential
	return store.Event{ID: api.NewID(api.PrefixEvent, p.use.At), OrgID: c.OrgID, At: p.use.At, Kind: n.kind,
		UserID: c.UserID, ActorID: c.UserID, CredentialID: c.ID, Address: who.Address, Detail: text}
}

func (v *Verifier) applyPolicies(p *VerifiedFactor, owner store.Owner, read webauthn.Assertion) {
	v.applyBackupPolicy(p, owner, read)
	policy := owner.Organisation.SignCountPolicy
	if policy == policyAuto {
		policy = policyRefuse
		if p.Credential.BackupEligible {
			// Each device that a passkey is synced to counts by itself, if it counts.
			policy = policyRecord
		}
	}
	// Whatever was read, two assertions at once must not both pass a policy that refuses.
	p.use.Strict = policy == policyRefuse
	if !read.SignCountOutOfLine {
		return
	}
	v.note(p, note{kind: store.EventCredentialSignCountOutOfLine, policy: policy,
		detail: map[string]any{"received": read.SignCount, "kept": p.Credential.SignCount}})
	if policy == policyRefuse {
		p.refusal = about(owner, signCountRefusal(p.Credential.SignCount, int64(read.SignCount)))
	}
}

// signCountRefusal is how a counter that did not go up is refused.
func signCountRefusal(kept, received int64) error {
	return &api.Error{Kind: api.Unauthenticated, Code: "sign_count_refused",
		Message:  "This passkey's counter is out of step, as if the passkey had been copied; ask your administrator.",
		Rule:     "WebAuthn L3 §7.2 step 22, signCount; policy refuse",
		Received: strconv.FormatInt(received, 10),
		Expected: "more than " + strconv.FormatInt(kept, 10) + "; countersign credential reset-counter lets the next one pass"}
}

func (v *Verifier) applyBackupPolicy(p *VerifiedFactor, owner store.Owner, read webauthn.Assertion) {
	c := p.Credential
	if !read.BackupEligibilityChanged && read.BackupState == c.BackupState {
		return
	}
	policy := owner.Organisation.BackupPolicy
	switch {
	case policy != policyAuto:
	case read.BackupEligibilityChanged:
		policy = policyAlert
	default: // a passkey that was synced for the first time, or is no longer
		policy = policyRecord
	}
	v.note(p, note{kind: store.EventCredentialBackupChanged, policy: policy, detail: map[string]any{
		"eligible": read.BackupEligible, "backedUp": read.BackupState,
		"wasEligible": c.BackupEligible, "wasBackedUp": c.BackupState}})
	if policy == policyRefuse {
		p.refusal = about(owner, &api.Error{Kind: api.Unauthenticated, Code: "backup_state_refused",
			Message:  "Your organisation does not accept this passkey any more, because how it is backed up has changed; ask your administrator.",
			Rule:     "WebAuthn L3 §7.2 steps 18 and 19, BE and BS flags; policy refuse",
			Received: flags(read.BackupEligible, read.BackupState), Expected: flags(c.BackupEligible, c.BackupState)})
	}
}

func flags(eligible, state bool) string {
	return "BE " + strconv.FormatBool(eligible) + ", BS " + strconv.FormatBool(state)
}

func (v *Verifier) note(p *VerifiedFactor, n note) {
	p.notes = append(p.notes, n)
	if n.policy == policyAlert {
		v.Log.Warn("a passkey is not as it was", "what", n.kind, "credentialUuid", p.Credential.ID, "userId", p.Credential.UserID)
	}
}
