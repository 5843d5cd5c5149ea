package assertion

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/auth/onetime"
	"github.com/countersign/countersign/internal/store"
)

// checkPolicies returns why a policy refuses one of the factors, nil if none does. It records
// the notes of a refusal, since no effect will. A second answer to one challenge is a replay: it
// says nothing of the passkey, so nothing is recorded.
func (v *Verifier) checkPolicies(ctx context.Context, verified Verified) error {
	var refusal error
	notes := 0
	for _, f := range verified.Factors {
		notes += len(f.notes)
		if refusal == nil {
			refusal = f.refusal
		}
	}
	if notes == 0 {
		return nil
	}
	if used, err := v.DB.ChallengeUsed(ctx, verified.request.Challenge); err != nil || used {
		return cmp.Or(err, error(ceremony.ErrChallengeUsed))
	}
	if refusal == nil {
		return nil
	}
	err := v.DB.Write(ctx, func(tx *store.Tx) error {
		for _, f := range verified.Factors {
			f.recordNotes(tx, verified.who)
		}
		return nil
	})
	if err != nil {
		return errors.Join(refusal, err)
	}
	return refusal
}

// RecordUse adds to the unit that the credentials were used, and the notes about them. The unit
// fails if a credential is not active any more, or if another assertion was faster and a policy
// now refuses the counter; Explain says which.
func (verified Verified) RecordUse(tx *store.Tx) {
	for _, f := range verified.Factors {
		f.recordUse(tx, verified.who)
	}
}

// RecordUseUnlessRecent is RecordUse, but does not write a credential's row that already says all
// of it: a service account that signs every second does not write its row every second. RecordUse
// locks the row against a deactivation at the same moment; this may not, so it is for effects
// that check the credential again when they are used.
func (verified Verified) RecordUseUnlessRecent(tx *store.Tx) {
	for _, f := range verified.Factors {
		if f.recent() {
			f.recordNotes(tx, verified.who)
		} else {
			f.recordUse(tx, verified.who)
		}
	}
}

func (f VerifiedFactor) recordUse(tx *store.Tx, who api.Caller) {
	tx.UseCredential(f.use, errNotUsed)
	f.recordNotes(tx, who)
}

func (f VerifiedFactor) recordNotes(tx *store.Tx, who api.Caller) {
	for _, n := range f.notes {
		tx.Record(n.event(f, who))
	}
}

// lastUse is how exact the stored time of the last use is.
const lastUse = time.Minute

// recent reports whether the row of a first factor already says all that this use would write.
func (f VerifiedFactor) recent() bool {
	c, u := f.Credential, f.use
	return c.Factor == store.FactorFirst && !f.second && c.SignCount == 0 && u.SignCount == 0 &&
		c.BackupEligible == u.BackupEligible && c.BackupState == u.BackupState &&
		u.At.Sub(c.LastUsedAt) < lastUse && !u.At.Before(c.LastUsedAt)
}

// errNotUsed is the failure of a unit whose credential could not be used any more. Explain says why.
var errNotUsed = errors.New("the credential could not be used")

// Signature returns the factor that signed, as evidence, and the other one if there was one. Verify must have
// been given one that signs.
func (verified Verified) Signature() (f VerifiedFactor, other *VerifiedFactor) {
	all := verified.Factors
	switch {
	case len(all) == 1:
		return all[0], nil
	case all[0].Signs():
		return all[0], &all[1]
	}
	return all[1], &all[0]
}

// Explain says why a unit failed in RecordUse, or with ceremony.ErrChallengeUsed because its
// effect was lost. Since they were read, the user or a credential was deactivated, the challenge
// was answered, or another assertion raised the counter. Other errors are returned as they are.
func (v *Verifier) Explain(ctx context.Context, verified Verified, err error) error {
	lost := errors.Is(err, ceremony.ErrChallengeUsed)
	if !lost && !errors.Is(err, errNotUsed) {
		return about(verified.Owner, err)
	}
	owner, read := verified.request.Owner(ctx, verified.Factors[0].Factor)
	if read != nil {
		return read
	}
	again := false // a one-time code
	for _, f := range verified.Factors[1:] {
		c, read := v.DB.Credential(ctx, f.Credential.ID)
		if read != nil || !c.Active {
			return cmp.Or(read, about(owner, auth.ErrCredentialInactive))
		}
		again = again || f.Kind == api.KindTotp && c.SignCount >= f.use.SignCount
	}
	used, read := v.DB.ChallengeUsed(ctx, verified.request.Challenge)
	if read != nil {
		return read
	}
	if err := checkActive(owner); err != nil {
		return about(owner, err)
	}
	if used || lost {
		return about(owner, ceremony.ErrChallengeUsed)
	}
	if again {
		return about(owner, onetime.ErrUsed)
	}
	return about(owner, errCounterPassed)
}

// errCounterPassed refuses a counter that another assertion has passed since it was read.
var errCounterPassed = &api.Error{Kind: api.Unauthenticated, Code: "sign_count_refused",
	Message: "This passkey was used elsewhere at the same moment; please try again.",
	Rule:    "WebAuthn L3 §7.2 step 22, signCount; policy refuse", Received: "a counter that another assertion has passed",
	Expected: "a greater one, of an active credential"}
