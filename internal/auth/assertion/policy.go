package assertion

import (
	"maps"
	"strconv"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/webauthn"
)

// What an organisation does when a counter or a backup flag is not as expected
// (WebAuthn L3 §7.2 steps 18, 19 and 22). "" is the default.
const (
	policyAuto   = ""       // sign count: refuse for device-bound credentials, record for synced ones; backup: alert
	policyRefuse = "refuse" // refuse the assertion and record an event
	policyAlert  = "alert"  // accept it, record an event and log a warning
	policyRecord = "record" // accept it and record an event
)

// note is something unexpected about a credential. It becomes an event of that kind.
type note struct {
	kind   string // store.EventCredentialSignCountOutOfLine or store.EventCredentialBackupChanged
	policy string // what was done: refuse, alert or record
	detail map[string]any
}

// event returns the note as an event of the credential's user.
func (n note) event(p VerifiedFactor, who api.Caller) store.Event {
	detail := maps.Clone(n.detail)
	detail["policy"] = n.policy
	c := p.Credential
	e := store.NewEvent(api.Caller{OrgID: c.OrgID, UserID: c.UserID, Address: who.Address}, n.kind, p.use.At, detail)
	e.UserID, e.CredentialID = c.UserID, c.ID
	return e
}

func (v *Verifier) applyPolicies(p *VerifiedFactor, owner store.Owner, read webauthn.Assertion) {
	v.applyBackupPolicy(p, owner, read)
	policy := owner.Organisation.SignCountPolicy
	if policy == policyAuto {
		policy = policyRefuse
		if p.Credential.BackupEligible {
			// Each device with a synced passkey has a counter of its own, if any.
			policy = policyRecord
		}
	}
	// Two assertions at once must not both pass a policy that refuses.
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

// signCountRefusal refuses a counter that did not go up.
func signCountRefusal(stored, received int64) error {
	return &api.Error{Kind: api.Unauthenticated, Code: "sign_count_refused",
		Message:  "This passkey's counter is out of step, as if the passkey had been copied; ask your administrator.",
		Rule:     "WebAuthn L3 §7.2 step 22, signCount; policy refuse",
		Received: strconv.FormatInt(received, 10),
		Expected: "more than " + strconv.FormatInt(stored, 10) + "; countersign credential reset-counter lets the next one pass"}
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
	default: // a passkey that is now synced, or no longer
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
		v.Log.Warn("a passkey has changed unexpectedly", "what", n.kind, "credentialUuid", p.Credential.ID, "userId", p.Credential.UserID)
	}
}
