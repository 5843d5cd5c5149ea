package invitation

import (
	"context"
	"errors"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Codes returns a page of an organisation's registration codes in the order they were
// issued, after the code with id after.
func (o *Issuer) Codes(ctx context.Context, orgID, after string, limit int) ([]store.CodeEntry, error) {
	if _, err := o.DB.Organisation(ctx, orgID); err != nil {
		return nil, err
	}
	return o.DB.Codes(ctx, orgID, "", after, limit)
}

var errGone = &api.Error{Kind: api.Conflict, Code: "registration_code_not_live",
	Message: "This code is not live: it was used or revoked already."}

// Revoke adds to the unit that a live code of the caller's organisation, named by its id or by
// its user's name or id, is revoked. It returns the id. who has no UserID for the operator at
// the command line.
func (o *Issuer) Revoke(ctx context.Context, tx *store.Tx, who api.Caller, which string) (string, error) {
	c, err := o.find(ctx, who.OrgID, which)
	if err != nil {
		return "", err
	}
	now := o.Now()
	event := store.NewEvent(who, store.EventRegistrationCodeRevoked, now, nil)
	event.UserID, event.CodeID = c.UserID, c.ID
	tx.RevokeCode(c.ID, c.OrgID, store.CodeRevoked, now, errGone)
	tx.Record(event)
	return c.ID, nil
}

func (o *Issuer) find(ctx context.Context, orgID, which string) (store.Code, error) {
	if api.ValidID(api.PrefixCode, which) {
		c, err := o.DB.Code(ctx, which)
		if err == nil && c.OrgID != orgID {
			err = &api.Error{Kind: api.NotFound, Code: "registration_code_not_found", Message: "This organisation has no such code."}
		}
		return c, err
	}
	u, err := o.user(ctx, orgID, which)
	if err != nil && api.KindOf(err) == api.NotFound {
		return store.Code{}, errors.Join(&api.Error{Kind: api.NotFound, Code: "registration_code_not_found",
			Message: "This organisation has no code and no user of that name."}, err)
	}
	if err != nil {
		return store.Code{}, err
	}
	for after := ""; ; {
		codes, err := o.DB.Codes(ctx, orgID, u.ID, after, store.MaxPage)
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
			return store.Code{}, errGone
		}
	}
}

func (o *Issuer) user(ctx context.Context, orgID, nameOrID string) (store.User, error) {
	if !api.ValidID(api.PrefixUser, nameOrID) {
		return o.DB.UserByName(ctx, orgID, username.Key(nameOrID))
	}
	m, err := o.DB.Member(ctx, orgID, nameOrID)
	return m.User, err
}
