package credential

import (
	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// strength orders credentials by how hard they are to steal or copy.
type strength int

const (
	secret       strength = iota + 1 // a password or one-time codes, which sign nothing
	protectedKey                     // stored here, behind a password
	key
	syncedPasskey // copied by its provider, or without user verification
	devicePasskey // on one device, which verified its user
)

func (s strength) String() string {
	return [...]string{"", "a password", "a password-protected key", "a key", "a passkey", "a passkey that stays on one device"}[s]
}

// strengthOf is the strength of a credential that logs in.
func strengthOf(c store.Credential) strength {
	switch {
	case c.Kind == api.KindFido2 && c.UserVerified && !c.BackupEligible:
		return devicePasskey
	case c.Kind == api.KindFido2:
		return syncedPasskey
	case c.Kind == api.KindKey:
		return key
	case c.Kind == api.KindTotp || c.Kind == api.KindPassword:
		return secret
	}
	return protectedKey
}

// needed is the strength that a change of c takes. A recovery key can replace everything that its
// user has, so it is as strong as the strongest of these.
func needed(c store.Credential, own []store.Credential) strength {
	if c.Factor != store.FactorRecovery {
		return strengthOf(c)
	}
	most := protectedKey
	for _, other := range own {
		if other.Active && other.Factor != store.FactorRecovery {
			most = max(most, strengthOf(other))
		}
	}
	return most
}

// errOutdated is returned if the user's credentials were changed since they were read.
var errOutdated = &store.Outdated{Err: &api.Error{Kind: api.Conflict, Code: "user_changed",
	Message: "Your credentials were changed at the same moment; please try again."}}

// checkStrength refuses a signature that is weaker than what it touches, now and when the unit is written.
func checkStrength(tx *store.Tx, signer, c store.Credential, own []store.Credential) error {
	is, must := strengthOf(signer), needed(c, own)
	if is >= must {
		if c.Factor == store.FactorRecovery { // what it takes depends on the others
			active, newest := 0, ""
			for _, other := range own {
				newest = max(newest, other.ID)
				if other.Active && other.Factor != store.FactorRecovery {
					active++
				}
			}
			tx.SameCredentials(c.UserID, active, newest, errOutdated)
		}
		return nil
	}
	return &api.Error{Kind: api.Forbidden, Code: "credential_too_weak",
		Message:  "This change must be signed with " + must.String() + " or a stronger credential, and was signed with " + is.String() + ".",
		Rule:     "a change of a credential is signed by one that is at least as strong",
		Received: signer.ID, Expected: must.String(), Subject: api.Subject{OrgID: signer.OrgID, UserID: signer.UserID}}
}
