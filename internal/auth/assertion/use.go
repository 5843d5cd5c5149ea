package assertion

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/store"
)

// checkPolicies returns why a policy refuses one of the factors, nil if none does. What is
// out of line is recorded then, since no effect will record it; but the answer to a
// challenge that was answered before is a replay and says nothing of the passkey.
func (v *Verifier) checkPolicies(ctx context.Context, done Verified) error {
	var refusal error
	notes := 0
	for _, f := range done.Factors {
		notes += len(f.notes)
		if refusal == nil {
			refusal = f.refusal
		}
	}
	if notes == 0 {
		return nil
	}
	if used, err := v.DB.ChallengeUsed(ctx, done.request.Challenge); err != nil || used {
		return cmp.Or(err, error(ceremony.ErrChallengeUsed))
	}
	if refusal == nil {
		return nil
	}
	err := v.DB.Write(ctx, func(tx *store.Tx) error {
		for _, f := range done.Factors {
			f.recordNotes(tx, done.who)
		}
		return nil
	})
	if err != nil {
		return errors.Join(refusal, err)
	}
	return refusal
}

// RecordUse adds to a unit that the credentials were used, and what was out of line about
// them. The unit fails, as Explain explains, if a credential is not active any more or a
// policy refuses its counter by now because another assertion was faster.
func (done Verified) RecordUse(tx *store.Tx) {
	for _, f := range done.Factors {
		f.recordUse(tx, done.who)
	}
}

// RecordUseUnlessRecent is RecordUse, but leaves a credential's row alone if it already says
// all that would be written: a service account that signs every second does not write its
// row every second. RecordUse takes turns with who deactivates the credential; this may not,
// so it is for effects that check the credential again when they are used.
func (done Verified) RecordUseUnlessRecent(tx *store.Tx) {
	for _, f := range done.Factors {
		if f.recent() {
			f.recordNotes(tx, done.who)
		} else {
			f.recordUse(tx, done.who)
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

// lastUse is how exactly it is kept when a credential was last used.
const lastUse = time.Minute

// recent reports whether the row of a first factor already says all that this use would
// write.
func (f VerifiedFactor) recent() bool {
	c, u := f.Credential, f.use
	return c.Factor == store.FactorFirst && !f.second && c.SignCount == 0 && u.SignCount == 0 &&
		c.BackupEligible == u.BackupEligible && c.BackupState == u.BackupState &&
		u.At.Sub(c.LastUsedAt) < lastUse && !u.At.Before(c.LastUsedAt)
}

// errNotUsed is a credential that could not be used any more. Explain says why.
var errNotUsed = errors.New("the credential could not be used")

// Explain says why a unit failed in RecordUse, or with ceremony.ErrChallengeUsed where its
// effect was lost: since they were read, user or credential were deactivated, the challenge
// was answered, or another assertion passed the counter. Any other error stays what it is.
func (v *Verifier) Explain(ctx context.Context, done Verified, err error) error {
	lost := errors.Is(err, ceremony.ErrChallengeUsed)
	if !lost && !errors.Is(err, errNotUsed) {
		return about(done.Owner, err)
	}
	owner, read := done.request.Owner(ctx, done.Factors[0].Factor)
	if read != nil {
		return read
	}
	for _, f := range done.Factors[1:] {
		if c, read := v.DB.Credential(ctx, f.Credential.ID); read != nil || !c.Active {
			return cmp.Or(read, about(owner, auth.ErrCredentialInactive))
		}
	}
	used, read := v.DB.ChallengeUsed(ctx, done.request.Challenge)
	if read != nil {
		return read
	}
	if err := checkActive(owner); err != nil {
		return about(owner, err)
	}
	if used || lost {
		return about(owner, ceremony.ErrChallengeUsed)
	}
	return about(owner, errCounterPassed)
}

// errCounterPassed is a counter that was in line when it was read and is not any more.
var errCounterPassed = &api.Error{Kind: api.Unauthenticated, Code: "sign_count_refused",
	Message: "This passkey was used elsewhere at the same moment; please try again.",
	Rule:    "WebAuthn L3 §7.2 step 22, signCount; policy refuse", Received: "a counter that another assertion has passed",
	Expected: "a greater one, of an active credential"}
