package assertion

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/onetime"
	"github.com/countersign/countersign/internal/auth/password"
	"github.com/countersign/countersign/internal/auth/throttle"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
)

// Tries limits how often codes and passwords, which can be guessed, are tried.
type Tries struct{ codes, passwords, withCode *throttle.Counter }

const (
	maxTries         = 10
	triesOfAddress   = 1000
	triesOfEverybody = 10_000 // of an organisation
	triesWindow      = 15 * time.Minute
)

// NewTries returns the counters. A node needs exactly one set, since it counts addresses.
//
// Only who has proved the first factor gets to try a code, so no stranger can close it for its user. Anybody
// may try passwords and so close those of a name. Its owner logs in by passkey or key, or with their password
// and a login code, which a stranger does not have: those are counted apart.
func NewTries(ring *keyring.Ring) *Tries {
	return &Tries{
		codes: throttle.New(ring, throttle.Limit{Name: "wrong one-time codes", PerName: maxTries, Window: triesWindow,
			Rule: "wrong one-time codes", Message: "Too many wrong codes; try again later."}),
		passwords: throttle.New(ring, throttle.Limit{Name: "wrong passwords", PerName: maxTries, PerAddress: triesOfAddress,
			PerOrganisation: triesOfEverybody, Window: triesWindow,
			Rule: "wrong passwords", Message: "Too many wrong passwords; try again later, use a passkey, or ask for a login code."}),
		withCode: throttle.New(ring, throttle.Limit{Name: "wrong passwords with a login code", PerName: maxTries, Window: triesWindow,
			Rule: "wrong passwords with a login code", Message: "Too many wrong passwords; try again later or use a passkey."}),
	}
}

// verifyCode verifies a one-time code. Its step becomes the sign count of the credential, which must rise:
// of two answers with one code, the second is refused when it is written.
func (v *Verifier) verifyCode(ctx context.Context, p *VerifiedFactor, owner store.Owner, known bool) error {
	if !owner.Organisation.OneTimePasswords {
		return onetime.ErrNotAccepted
	}
	code, err := onetime.Read("/secondFactor/otpCode", p.Code)
	if err != nil {
		return err
	}
	if !known { // nothing can be guessed; and a program with an access token must not close its owner's codes
		return onetime.ErrInvalid
	}
	key := v.Tries.codes.Key(owner.User.OrgID, owner.User.ID)
	if err := v.Tries.codes.Try(ctx, v.DB, key, p.use.At); err != nil {
		return err
	}
	step, err := v.OneTime.Match(p.Credential, code, p.use.At)
	if err != nil {
		return err
	}
	p.use.SignCount, p.use.Strict = step, true
	return v.Tries.codes.Forget(ctx, v.DB, key)
}

// verifyPassword verifies a password. An unknown user, one without a password and a wrong password are
// refused alike, at the same cost, and counted alike.
func (v *Verifier) verifyPassword(ctx context.Context, who api.Caller, f Factor, request Request, owner store.Owner, known bool) error {
	if !owner.Organisation.Passwords {
		return password.ErrNotAccepted
	}
	if err := password.Read("/firstFactor/password", f.Password); err != nil {
		return err
	}
	orgID, now := owner.Organisation.ID, v.Now()
	tries, byName, byCode := v.Tries.passwords, v.Tries.passwords.Key(orgID, request.Username), v.Tries.withCode.Key(orgID, request.Username)
	key := byName
	if request.CodeID != "" {
		tries, key = v.Tries.withCode, byCode
	} else {
		if err := tries.CountAddress(who.Address, now); err != nil {
			return err
		}
		if err := tries.CountOrganisation(orgID, now); err != nil {
			return err
		}
	}
	hash := ""
	if known {
		hash = owner.Credential.PasswordHash
	}
	right, err := v.Passwords.Compare(ctx, hash, f.Password, func() error { return tries.Try(ctx, v.DB, key, now) })
	switch {
	case err != nil:
		return err
	case !right:
		return wrongPassword(owner)
	}
	if request.CodeID == "" {
		tries.ForgetAddress(who.Address, orgID)
	}
	return tries.Forget(ctx, v.DB, byName, byCode)
}

func wrongPassword(owner store.Owner) error {
	e := &api.Error{Kind: api.Unauthenticated, Code: "password_wrong", Message: "Username or password is not right.",
		Rule: "password of the named user", Received: "another password", Expected: "the user's password"}
	switch {
	case !owner.Found:
		e.Received = "a username that this organisation does not have"
	case !owner.CredentialFound:
		e.Received = "a password for a user who has none"
	}
	return e
}
