package assertion

import (
	"context"
	"log/slog"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
)

// Verifier verifies signed challenges.
type Verifier struct {
	DB   *store.DB
	Site relyingparty.Site
	Now  func() time.Time
	Log  *slog.Logger
}

// Request is what a signed challenge must answer.
type Request struct {
	Challenge string
	RPID      string // of the ceremony
	OrgID     string // the organisation that the ceremony was begun for, "" if none was named
	Named     bool   // the user was named before the credential was chosen; if not, a discoverable passkey answers
	TokenID   string // the access token whose key answers, and answers alone; "" for the user's own credentials

	// Owner finds the user for whom the first factor answers, with the credential that it
	// names. Nothing found is no error.
	Owner func(ctx context.Context, first Factor) (store.Owner, error)
}

// Verified is a signed challenge whose signatures are good and which no policy refuses.
type Verified struct {
	Owner   store.Owner      // as it was read, of the first factor's credential
	Factors []VerifiedFactor // the first and, if it came, the second

	request Request
	who     api.Caller
}

// Verify verifies one or two factors as the answer to a request. It writes nothing unless a
// policy refuses: that is recorded, since no effect will record it.
func (v *Verifier) Verify(ctx context.Context, who api.Caller, asked Request, first Factor, second *Factor) (Verified, error) {
	owner, err := asked.Owner(ctx, first)
	if err != nil {
		return Verified{}, err
	}
	one, err := v.verifyFactor(first, asked, store.FactorFirst, owner)
	if err != nil {
		return Verified{}, err
	}
	done := Verified{Owner: owner, Factors: []VerifiedFactor{one}, request: asked, who: who}
	switch {
	case second != nil:
		two, err := v.verifySecond(ctx, *second, asked, one.Credential)
		if err != nil {
			return Verified{}, err
		}
		done.Factors = append(done.Factors, two)
	case asked.TokenID == "":
		if err := v.checkSecondNotNeeded(ctx, owner); err != nil {
			return Verified{}, err
		}
	}
	if err := v.checkPolicies(ctx, done); err != nil {
		return Verified{}, err
	}
	return done, nil
}

// verifySecond verifies the second factor. Its user is known by now: the first one's.
func (v *Verifier) verifySecond(ctx context.Context, f Factor, asked Request, first store.Credential) (VerifiedFactor, error) {
	owner, err := v.DB.OwnerByUser(ctx, first.UserID, f.CredentialID, f.UUID)
	if err != nil {
		return VerifiedFactor{}, err
	}
	asked.Named, asked.OrgID = true, first.OrgID
	second, err := v.verifyFactor(f, asked, store.FactorSecond, owner)
	if err == nil && second.Credential.ID == first.ID {
		err = errSameCredential
	}
	return second, err
}

// secondFactorRequired is the setting of an organisation whose users, if they have a
// credential that is a second factor, must answer with it as well.
const secondFactorRequired = "required"

// checkSecondNotNeeded refuses an answer without a second factor where the organisation
// demands one of users who have one.
func (v *Verifier) checkSecondNotNeeded(ctx context.Context, owner store.Owner) error {
	if owner.Organisation.SecondFactor != secondFactorRequired {
		return nil
	}
	all, err := v.DB.CredentialsOfUser(ctx, owner.User.ID)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Factor == store.FactorSecond && c.Active {
			return about(owner, &api.Error{Kind: api.Unauthenticated, Code: "second_factor_required",
				Message: "Your organisation asks for your second factor as well.",
				Rule:    "second factor of the organisation", Received: "one factor", Expected: "two"})
		}
	}
	return nil
}
