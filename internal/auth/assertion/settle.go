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

// ErrSameCredential is a second factor that is the first again.
var ErrSameCredential = errSameCredential

// Settle returns why a policy refuses one of the proofs, nil if none does. What is out
// of line is recorded then, since no effect will record it; but an answer that was given
// before is a replay and says nothing of the passkey.
func Settle(ctx context.Context, db *store.DB, who api.Caller, challenge string, proofs []Verified) error {
	var refusal error
	notes := 0
	for _, p := range proofs {
		notes += len(p.Notes)
		if refusal == nil {
			refusal = p.refusal
		}
	}
	if notes == 0 {
		return nil
	}
	if used, err := db.ChallengeUsed(ctx, challenge); err != nil || used {
		return cmp.Or(err, error(ceremony.ErrChallengeUsed))
	}
	if refusal == nil {
		return nil
	}
	err := db.Write(ctx, func(tx *store.Tx) error {
		for _, p := range proofs {
			p.record(tx, who)
		}
		return nil
	})
	if err != nil {
		return errors.Join(refusal, err)
	}
	return refusal
}

// Keep adds to a unit that the credential was used, and what was out of line about it.
// The unit fails if the credential is not active any more, or if a policy refuses the
// counter by now because another assertion was faster.
func (p Verified) Keep(tx *store.Tx, who api.Caller) {
	tx.UseCredential(p.Use, errNotUsed)
	p.record(tx, who)
}

// KeepSparingly is Keep, but leaves the credential's row alone if it says already all that
// would be written, so that a machine that signs every second does not write it every
// second. Keep also takes turns with who withdraws the credential; this does not, so it is
// for effects that are judged again when they are used.
func (p Verified) KeepSparingly(tx *store.Tx, who api.Caller) {
	if p.justUsed() {
		p.record(tx, who)
		return
	}
	p.Keep(tx, who)
}

// lastUse is how exactly it is kept when a credential was last used.
const lastUse = time.Minute

// justUsed reports whether the row of a first factor says already all that this use would
// write.
func (p Verified) justUsed() bool {
	c, u := p.Credential, p.Use
	return c.Factor == store.FactorFirst && !p.second && c.SignCount == 0 && u.SignCount == 0 &&
		c.BackupEligible == u.BackupEligible && c.BackupState == u.BackupState &&
		u.At.Sub(c.LastUsedAt) < lastUse && !u.At.Before(c.LastUsedAt)
}

func (p Verified) record(tx *store.Tx, who api.Caller) {
	for _, n := range p.Notes {
		tx.Record(n.Event(p, who))
	}
}

// errNotUsed is a credential that could not be used any more. Why says why.
var errNotUsed = errors.New("the credential could not be used")

// Why explains a unit that failed in Keep or where an effect was lost: since they were read,
// user or credential were withdrawn, the challenge had its answer, or the counter was passed
// by. lost is what the effect fails with; any other error is returned as it is.
func Why(ctx context.Context, db *store.DB, challenge string, h store.Owner, proofs []Verified, err, lost error) error {
	if !errors.Is(err, errNotUsed) && !errors.Is(err, lost) {
		return err
	}
	for _, p := range proofs[1:] {
		if c, read := db.Credential(ctx, p.Credential.ID); read != nil || !c.Active {
			return cmp.Or(read, about(h, auth.ErrCredentialInactive))
		}
	}
	used, read := db.ChallengeUsed(ctx, challenge)
	switch {
	case read != nil:
		return read
	case !h.User.Active:
		return about(h, auth.ErrUserInactive)
	case !h.Credential.Active:
		return about(h, auth.ErrCredentialInactive)
	case used || errors.Is(err, lost):
		return about(h, ceremony.ErrChallengeUsed)
	}
	return about(h, errLostCount)
}

// errLostCount is a counter that was in line when it was read and is not any more.
var errLostCount = &api.Error{Kind: api.Unauthenticated, Code: "sign_count_refused",
	Message: "This passkey was used elsewhere at the same moment; please try again.",
	Rule:    "WebAuthn L3 §7.2 step 22, signCount; policy refuse", Received: "a counter that another assertion has passed",
	Expected: "a greater one, of an active credential"}

// NeedsSecond refuses an answer without a second factor where the organisation demands
// one of users who have one.
func (j *Verifier) NeedsSecond(ctx context.Context, db *store.DB, h store.Owner) error {
	if h.Organisation.SecondFactor != SecondFactorRequired {
		return nil
	}
	all, err := db.CredentialsOfUser(ctx, h.User.ID)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Factor == store.FactorSecond && c.Active {
			return about(h, &api.Error{Kind: api.Unauthenticated, Code: "second_factor_required",
				Message: "Your organisation asks for your second factor as well.",
				Rule:    "second factor of the organisation", Received: "one factor", Expected: "two"})
		}
	}
	return nil
}
