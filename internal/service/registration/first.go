package registration

import (
	"context"
	"errors"
	"fmt"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// FirstAdministrator names the first administrator and their organisation.
type FirstAdministrator struct {
	Organisation string
	Username     string
}

var errTaken = &api.Error{Kind: api.Conflict, Code: "first_administrator_invited",
	Message: "The first administrator was invited already."}

// settingFirst has the ids of the first organisation, its administrator and their code.
const settingFirst = "first_administrator"

type firstIDs struct{ OrgID, UserID, CodeID string }

func (f firstIDs) String() string { return f.OrgID + " " + f.UserID + " " + f.CodeID }

func parseFirst(text string) (f firstIDs) {
	fmt.Sscan(text, &f.OrgID, &f.UserID, &f.CodeID)
	return f
}

// First returns the link with which the first administrator registers. It returns "" if there is
// nobody to invite: the operator created the organisations, or the first administrator has
// registered. On an empty store it creates the organisation and the invitation. Of several servers
// that start at once one does so, and all print the same link. A restart prints it again, with a
// new code once the old one has expired or was replaced or revoked.
func (s *Service) First(ctx context.Context, who FirstAdministrator) (link string, err error) {
	saved, err := s.DB.Setting(ctx, settingFirst)
	if err != nil {
		return "", err
	}
	if saved == "" {
		empty, err := s.DB.IsEmpty(ctx)
		if err != nil {
			return "", err
		}
		if empty {
			if err := s.inviteFirst(ctx, who); err != nil && !errors.Is(err, errTaken) {
				return "", err
			}
		}
		// Read it again even if the store was not empty: another server may just have invited.
		if saved, err = s.DB.Setting(ctx, settingFirst); err != nil || saved == "" {
			return "", err
		}
	}
	return s.firstLink(ctx, parseFirst(saved))
}

func (s *Service) inviteFirst(ctx context.Context, who FirstAdministrator) error {
	if err := username.Check(who.Username); err != nil {
		return err
	}
	if err := username.CheckOrganisation(who.Organisation); err != nil {
		return err
	}
	now := s.Now()
	org := store.Organisation{ID: api.NewID(api.PrefixOrganization, now), Name: who.Organisation,
		Attestation: "none", UserVerification: "required", ResidentKey: "required", CreatedAt: now}
	user := store.User{ID: api.NewID(api.PrefixUser, now), OrgID: org.ID, Username: who.Username,
		UsernameKey: username.Key(who.Username), Kind: api.CustomerEmployee,
		Active: true, CreatedAt: now}
	issued := s.Codes.MakeFirst(user, api.NewID(api.PrefixCode, now), code.DefaultLifetime)
	return s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.CreateSetting(settingFirst, firstIDs{org.ID, user.ID, issued.Row.ID}.String(), errTaken)
		tx.CreateOrganisation(org)
		tx.CreateUser(user, errTaken)
		tx.MakeFirstAdministrator(org.ID, user.ID, api.NewID(api.PrefixAssignment, now), now)
		tx.IssueCode(issued.Row)
		tx.Record(code.Event(api.Caller{OrgID: org.ID}, store.EventUserInvited, issued.Row, now, nil))
		return nil
	})
}

func (s *Service) firstLink(ctx context.Context, first firstIDs) (string, error) {
	inv, err := s.DB.RegistrationState(ctx, first.UserID, first.CodeID)
	if err != nil || !inv.Found || !inv.CodeFound {
		return "", err
	}
	now := s.Now()
	if !inv.User.Active || !inv.User.RegisteredAt.IsZero() || !inv.User.RestartedAt.IsZero() {
		return "", nil
	}
	if inv.Code.Live(now) {
		return s.Codes.MakeFirst(inv.User, first.CodeID, 0).Link, nil
	}
	renewed := firstIDs{first.OrgID, first.UserID, api.NewID(api.PrefixCode, now)}
	issued := s.Codes.MakeFirst(inv.User, renewed.CodeID, code.DefaultLifetime)
	err = s.DB.Write(ctx, func(tx *store.Tx) error {
		tx.ReplaceSetting(settingFirst, first.String(), renewed.String(), errTaken)
		tx.AddCode(issued.Row) // one that was mailed since stays good
		return nil
	})
	if errors.Is(err, errTaken) { // another server renewed it at the same moment
		return s.First(ctx, FirstAdministrator{})
	}
	return issued.Link, err
}
