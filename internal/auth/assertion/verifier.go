package assertion

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/onetime"
	"github.com/countersign/countersign/internal/auth/password"
	"github.com/countersign/countersign/internal/relyingparty"
	"github.com/countersign/countersign/internal/store"
)

// Verifier verifies signed challenges.
type Verifier struct {
	DB        *store.DB
	Site      relyingparty.Site
	OneTime   onetime.Secrets
	Passwords *password.Hasher
	Tries     *Tries
	Now       func() time.Time
	Log       *slog.Logger
}

// Request is what a signed challenge must answer.
type Request struct {
	Challenge string
	RPID      string // of the ceremony
	OrgID     string // the organisation that the ceremony was begun for, "" for none
	Named     bool   // the user was named when the ceremony began; if not, a discoverable passkey answers
	TokenID   string // the access token whose key must answer; "" for the user's own credentials
	Username  string // whose password is tried, as the client sent it; "" where none can be
	CodeID    string // the login code that admitted the user, "" without one

	// Owner finds the user and the credential that the first factor names. Finding nothing is
	// no error.
	Owner func(ctx context.Context, first Factor) (store.Owner, error)
}

// Verified is a signed challenge whose signatures are good and which no policy refuses.
type Verified struct {
	Owner   store.Owner      // of the first factor's credential, as it was read
	Factors []VerifiedFactor // the first and, if it came, the second

	request Request
	who     api.Caller
}

// Verify verifies one or two factors as the answer to a request. It writes nothing unless a
// policy refuses: it records that, since no effect will. Codes and passwords are counted.
func (v *Verifier) Verify(ctx context.Context, who api.Caller, request Request, first Factor, second *Factor) (Verified, error) {
	owner, err := request.Owner(ctx, first)
	if err != nil {
		return Verified{}, err
	}
	one, err := v.verifyFactor(ctx, who, first, request, store.FactorFirst, owner)
	if err != nil {
		return Verified{}, err
	}
	verified := Verified{Owner: owner, Factors: []VerifiedFactor{one}, request: request, who: who}
	switch {
	case second != nil:
		two, err := v.verifySecond(ctx, who, *second, request, one.Credential)
		if err != nil {
			return Verified{}, err
		}
		verified.Factors = append(verified.Factors, two)
	case request.TokenID == "":
		if err := v.checkSecondNotNeeded(ctx, owner); err != nil {
			return Verified{}, err
		}
	}
	if err := v.checkPolicies(ctx, verified); err != nil {
		return Verified{}, err
	}
	return verified, nil
}

// verifySecond verifies the second factor. Its user is known by now: that of the first factor.
func (v *Verifier) verifySecond(ctx context.Context, who api.Caller, f Factor, request Request, first store.Credential) (VerifiedFactor, error) {
	owner, err := v.OwnerByUser(ctx, first.UserID, f)
	if err != nil {
		return VerifiedFactor{}, err
	}
	request.Named, request.OrgID = true, first.OrgID
	second, err := v.verifyFactor(ctx, who, f, request, store.FactorSecond, owner)
	if err == nil && second.Credential.ID == first.ID {
		err = errSameCredential
	}
	return second, err
}

// OwnerByUser finds the credential of a user that a factor names. A Totp or a Password names none: a user
// has one of them at most.
func (v *Verifier) OwnerByUser(ctx context.Context, userID string, f Factor) (store.Owner, error) {
	if !f.Signs() {
		return v.DB.OwnerByUserAndKind(ctx, userID, f.Kind)
	}
	return v.DB.OwnerByUser(ctx, userID, f.CredentialID, f.UUID)
}

// secondFactorRequired is the setting of an organisation whose users must also answer with
// their second factor if they have one.
const secondFactorRequired = "required"

// checkSecondNotNeeded refuses an answer without a second factor if the organisation requires
// one and the user has one.
func (v *Verifier) checkSecondNotNeeded(ctx context.Context, owner store.Owner) error {
	if owner.Organisation.SecondFactor != secondFactorRequired {
		return nil
	}
	all, err := v.DB.CredentialsOfUser(ctx, owner.User.ID)
	if err != nil {
		return err
	}
	if kinds := secondFactors(owner.Organisation, all); len(kinds) > 0 {
		return about(owner, &api.Error{Kind: api.Unauthenticated, Code: "second_factor_required",
			Message: "Your organisation asks for your second factor as well.", Details: map[string]any{"kinds": kinds},
			Rule: "second factor of the organisation", Received: "one factor", Expected: "two"})
	}
	return nil
}

// secondFactors lists the kinds of the credentials that can be used now and were added as second factors.
// Only these are demanded. A spare first factor may serve as second, but nobody must carry it with them.
func secondFactors(org store.Organisation, all []store.Credential) (kinds []string) {
	for _, c := range all {
		if c.Factor == store.FactorSecond && c.Active && (c.Kind != api.KindTotp || org.OneTimePasswords) && !slices.Contains(kinds, c.Kind) {
			kinds = append(kinds, c.Kind)
		}
	}
	return kinds
}

// SecondFactorMissing reports whether the organisation requires a second factor and a user with these
// credentials has none. They log in all the same, and are asked to add one.
func SecondFactorMissing(org store.Organisation, all []store.Credential) bool {
	return org.SecondFactor == secondFactorRequired && len(secondFactors(org, all)) == 0
}
