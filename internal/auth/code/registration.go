package code

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// CheckLifetime refuses a lifetime that no registration code has.
func CheckLifetime(d time.Duration) error {
	if d < MinLifetime || d > MaxLifetime {
		return &api.Error{Kind: api.Invalid, Code: "lifetime_invalid",
			Message: "A registration code lives between one second and 90 days."}
	}
	return nil
}

// List returns a page of an organisation's registration codes in the order they were
// issued, after the code with id after.
func List(ctx context.Context, db *store.DB, orgID, after string, limit int) ([]store.CodeEntry, error) {
	if _, err := db.Organisation(ctx, orgID); err != nil {
		return nil, err
	}
	return db.Codes(ctx, orgID, "", after, limit)
}

var errNotLive = &api.Error{Kind: api.Conflict, Code: "registration_code_not_live",
	Message: "This code is not live: it was used or revoked already."}

// Revoke adds to the unit the revocation of a live registration code of the caller's organisation.
// of is the id of the code, or the name or id of its user. Revoke returns the id of the code. The
// operator at the command line is a caller without UserID.
func Revoke(ctx context.Context, db *store.DB, tx *store.Tx, who api.Caller, of string, now time.Time) (string, error) {
	c, err := find(ctx, db, who.OrgID, of)
	if err != nil {
		return "", err
	}
	tx.RevokeCode(c.ID, c.OrgID, store.CodeRevoked, now, errNotLive)
	tx.Record(Event(who, store.EventRegistrationCodeRevoked, c, now, nil))
	return c.ID, nil
}

func find(ctx context.Context, db *store.DB, orgID, of string) (store.Code, error) {
	if api.ValidID(api.PrefixCode, of) {
		c, err := db.Code(ctx, of)
		if err == nil && c.OrgID != orgID {
			err = &api.Error{Kind: api.NotFound, Code: "registration_code_not_found", Message: "This organisation has no such code."}
		}
		return c, err
	}
	u, err := user(ctx, db, orgID, of)
	if err != nil && api.KindOf(err) == api.NotFound {
		return store.Code{}, errors.Join(&api.Error{Kind: api.NotFound, Code: "registration_code_not_found",
			Message: "This organisation has no code and no user of that name."}, err)
	}
	if err != nil {
		return store.Code{}, err
	}
	for after := ""; ; {
		codes, err := db.Codes(ctx, orgID, u.ID, after, store.MaxPage)
		if err != nil {
			return store.Code{}, err
		}
		for _, c := range codes {
			if c.SpentAt.IsZero() && c.RevokedAt.IsZero() {
				return c.Code, nil
			}
			after = c.ID
		}
		if len(codes) < store.MaxPage {
			return store.Code{}, errNotLive
		}
	}
}

func user(ctx context.Context, db *store.DB, orgID, nameOrID string) (store.User, error) {
	if !api.ValidID(api.PrefixUser, nameOrID) {
		return db.UserByName(ctx, orgID, username.Key(nameOrID))
	}
	m, err := db.Member(ctx, orgID, nameOrID)
	return m.User, err
}
