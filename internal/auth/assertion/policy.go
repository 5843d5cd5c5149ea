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
	PolicyAuto   = ""       // sign count: refuse for device-bound credentials, record for synced ones; backup: alert
	PolicyRefuse = "refuse" // the assertion does not pass; an event tells of it
	PolicyAlert  = "alert"  // it passes; an event and a warning in the log tell of it
	PolicyRecord = "record" // it passes; an event tells of it
)

// Note is something out of line. It becomes an event of that kind.
type Note struct {
	Kind   string // store.EventCredentialSignCountOutOfLine or store.EventCredentialBackupChanged
	Policy string // what was done: refuse, alert or record
	detail map[string]any
}

// Event is the note as an event of the credential's user.
func (n Note) Event(p Verified, who api.Caller) store.Event {
	detail := map[string]any{"policy": n.Policy}
	for k, v := range n.detail {
		detail[k] = v
	}
	text, err := json.Marshal(detail, json.Deterministic(true))
	if err != nil { // numbers and booleans
		panic("assertion: " + err.Error())
	}
	c := p.Credential
	return store.Event{ID: api.NewID(api.PrefixEvent, p.Use.At), OrgID: c.OrgID, At: p.Use.At, Kind: n.Kind,
		UserID: c.UserID, ActorID: c.UserID, CredentialID: c.ID, Address: who.Address, Detail: text}
}

func (j *Verifier) applyPolicies(p *Verified, h store.Owner, v webauthn.Assertion) {
	j.applyBackupPolicy(p, h, v)
	policy := h.Organisation.SignCountPolicy
	if policy == PolicyAuto {
		policy = PolicyRefuse
		if p.Credential.BackupEligible {
			// Each device that a passkey is synced to counts by itself, if it counts.
			policy = PolicyRecord
		}
	}
	// Whatever was read, two assertions at once must not both pass a policy that refuses.
	p.Use.Strict = policy == PolicyRefuse
	if !v.SignCountOutOfLine {
		return
	}
	j.note(p, Note{Kind: store.EventCredentialSignCountOutOfLine, Policy: policy,
		detail: map[string]any{"received": v.SignCount, "kept": p.Credential.SignCount}})
	if policy == PolicyRefuse {
		p.refusal = about(h, SignCountRefusal(p.Credential.SignCount, int64(v.SignCount)))
	}
}

// SignCountRefusal is how a counter that did not go up is refused.
func SignCountRefusal(kept, received int64) error {
	return &api.Error{Kind: api.Unauthenticated, Code: "sign_count_refused",
		Message:  "This passkey's counter is out of step, as if the passkey had been copied; ask your administrator.",
		Rule:     "WebAuthn L3 §7.2 step 22, signCount; policy refuse",
		Received: strconv.FormatInt(received, 10),
		Expected: "more than " + strconv.FormatInt(kept, 10) + "; countersign credential reset-counter lets the next one pass"}
}

func (j *Verifier) applyBackupPolicy(p *Verified, h store.Owner, v webauthn.Assertion) {
	c := p.Credential
	if !v.BackupEligibilityChanged && v.BackupState == c.BackupState {
		return
	}
	policy := h.Organisation.BackupPolicy
	switch {
	case policy != PolicyAuto:
	case v.BackupEligibilityChanged:
		policy = PolicyAlert
	default: // a passkey that was synced for the first time, or is no longer
		policy = PolicyRecord
	}
	j.note(p, Note{Kind: store.EventCredentialBackupChanged, Policy: policy, detail: map[string]any{
		"eligible": v.BackupEligible, "backedUp": v.BackupState,
		"wasEligible": c.BackupEligible, "wasBackedUp": c.BackupState}})
	if policy == PolicyRefuse {
		p.refusal = about(h, &api.Error{Kind: api.Unauthenticated, Code: "backup_state_refused",
			Message:  "Your organisation does not accept this passkey any more, because how it is backed up has changed; ask your administrator.",
			Rule:     "WebAuthn L3 §7.2 steps 18 and 19, BE and BS flags; policy refuse",
			Received: flags(v.BackupEligible, v.BackupState), Expected: flags(c.BackupEligible, c.BackupState)})
	}
}

func flags(eligible, state bool) string {
	return "BE " + strconv.FormatBool(eligible) + ", BS " + strconv.FormatBool(state)
}

func (j *Verifier) note(p *Verified, n Note) {
	p.Notes = append(p.Notes, n)
	if n.Policy == PolicyAlert {
		j.Log.Warn("a passkey is not as it was", "what", n.Kind, "credentialUuid", p.Credential.ID, "userId", p.Credential.UserID)
	}
}
