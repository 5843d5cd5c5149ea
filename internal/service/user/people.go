package user

import (
	"cmp"
	"context"
	"fmt"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/pagination"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// People lists users as administrators see them.
func (s *Service) People(ctx context.Context, who api.Caller, in api.ListPeopleRequest) (api.PeopleList, error) {
	if len(in.Name) > username.MaxBytes {
		return api.PeopleList{}, &api.Error{Kind: api.Invalid, Code: "parameter_invalid", Message: "The parameter name is too long."}
	}
	name := username.Key(in.Name)
	people := pagination.List[store.Person, api.Person]{Name: []string{"people", who.OrgID, in.Kind, name}, Show: s.person,
		Read: func(after string, limit int) ([]store.Person, error) {
			return s.DB.People(ctx, who.OrgID, in.Kind, name, after, limit)
		},
		Mark: func(p store.Person) string {
			if name != "" {
				return p.UsernameKey
			}
			return p.ID
		}}
	items, next, err := pagination.Read(s.Pages, people, in.PaginationToken, cmp.Or(in.Limit, defaultPeople))
	return api.PeopleList{Items: items, NextPageToken: next}, err
}

func (s *Service) person(p store.Person) api.Person {
	out := api.Person{UserID: p.ID, Username: p.Username, Kind: p.Kind, State: State(p.User, p.LatestCode, s.Now()),
		CreatedAt: api.Time(p.CreatedAt), RegisteredAt: api.Time(p.RegisteredAt), LastSeenAt: api.Time(p.LastSeenAt),
		Passkeys: int(p.Passkeys), Roles: access.Summaries(p.Assignments), Recovery: p.Recovery.Pending(s.Now())}
	if p.RegisteredAt.IsZero() && p.LatestCode.ID != "" {
		out.Code = &api.PersonCode{ID: p.LatestCode.ID, State: p.LatestCode.State(s.Now()), ExpiresAt: api.Time(p.LatestCode.ExpiresAt)}
	}
	return out
}

// MaxInvited is how many people one request may invite.
const MaxInvited = 200

// InvitePeople invites one or many, all or none of them.
func (s *Service) InvitePeople(ctx context.Context, tx *store.Tx, who api.Caller, in api.InvitePeopleRequest) (api.InvitedPeople, error) {
	if len(in.Usernames) == 0 || len(in.Usernames) > MaxInvited {
		return api.InvitedPeople{}, &api.Error{Kind: api.Invalid, Code: "usernames_invalid", Message: "The member /usernames must have 1 to 200 names."}
	}
	invitees := make([]Invitee, len(in.Usernames))
	for i, name := range in.Usernames {
		invitees[i] = Invitee{Username: name, Kind: in.Kind}
	}
	keys, err := distinct(invitees)
	if err == nil {
		err = s.checkUnknown(ctx, who, invitees, keys)
	}
	if err != nil {
		return api.InvitedPeople{}, explain(err, invitees)
	}
	var permission *store.Permission
	if in.PermissionID != "" {
		p, err := s.Access.Grant(ctx, tx, who, in.PermissionID, "Permissions:Assign", "Auth:Users:Create")
		if err != nil {
			return api.InvitedPeople{}, err
		}
		permission = &p
	}
	now := s.Now()
	users := make([]store.User, len(invitees))
	for i, invitee := range invitees {
		users[i] = newUser(who.OrgID, invitee, keys[i], now)
	}
	invited, err := s.inviteFor(ctx, tx, who, users, permission, errInvitedMeanwhile)
	if err != nil {
		return api.InvitedPeople{}, err
	}
	out := api.InvitedPeople{Items: make([]api.InvitedPerson, 0, len(invited))}
	for _, i := range invited {
		out.Items = append(out.Items, invitedPerson(i))
	}
	return out, nil
}

// checkUnknown refuses if a user of one of the names exists. Unlike the statement that creates them,
// it can say which.
func (s *Service) checkUnknown(ctx context.Context, who api.Caller, invitees []Invitee, keys []string) error {
	known, err := s.DB.UsersByKey(ctx, who.OrgID, keys)
	if err != nil {
		return err
	}
	for i, k := range keys {
		if _, exists := known[k]; exists {
			return &EntryError{Entry: i + 1, Err: &api.Error{Kind: api.Conflict, Code: "user_already_exists",
				Message: fmt.Sprintf("The user %q was invited already.", invitees[i].Username)}}
		}
	}
	return nil
}

// explain turns an EntryError into a refusal with the name that it is about.
func explain(err error, invitees []Invitee) error {
	e, ok := err.(*EntryError)
	if !ok {
		return err
	}
	c := *api.AsError(e.Err)
	c.Details = map[string]any{"entry": e.Entry}
	if name := invitees[e.Entry-1].Username; username.Check(name) == nil {
		c.Details["username"] = name
	}
	return &c
}

func invitedPerson(i Invitation) api.InvitedPerson {
	out := api.InvitedPerson{UserID: i.User.ID, Username: i.User.Username, Mailed: i.Mailed, ExpiresAt: api.Time(i.Row.ExpiresAt)}
	if !i.Mailed {
		out.RegistrationCode, out.RegistrationURL = i.Code, i.Link
	}
	return out
}

// NewCode makes a new registration code for a user who is still to register; the old one is void.
func (s *Service) NewCode(ctx context.Context, tx *store.Tx, who api.Caller, in api.PersonRequest) (api.InvitedPerson, error) {
	m, org, err := s.invited(ctx, who, in.UserID)
	if err != nil {
		return api.InvitedPerson{}, err
	}
	i := Invitation{User: m.User, Issued: s.Codes.Make(m.User, code.DefaultLifetime), Mailed: s.Codes.Outbox.Reaches(m.Username)}
	if !i.Mailed { // whoever gets the code can register as this user
		if err := s.Access.MayActAs(ctx, tx, who, m.ID); err != nil {
			return api.InvitedPerson{}, err
		}
	}
	tx.MustBeInvited(m.ID, who.OrgID, errRegistered)
	s.Codes.Wrong.Clear(tx, m.OrgID, m.Username)
	tx.IssueCode(i.Row)
	tx.Record(code.Event(who, store.EventRegistrationCodeRenewed, i.Row, s.Now(), nil))
	if i.Mailed {
		tx.Committed(func() { s.Codes.Post(org, m.User, i.Issued) })
	}
	return invitedPerson(i), nil
}

var errRegistered = &api.Error{Kind: api.Conflict, Code: "user_already_registered", Message: "This user has registered, or is deactivated; there is no code to renew."}

// invited returns a user of the caller's organisation who is still to register.
func (s *Service) invited(ctx context.Context, who api.Caller, userID string) (m store.Member, org store.Organisation, err error) {
	if m, err = s.DB.Member(ctx, who.OrgID, userID); err != nil {
		return m, org, err
	}
	if !m.Active || !m.RegisteredAt.IsZero() || m.Archived() {
		return m, org, errRegistered
	}
	org, err = s.DB.Organisation(ctx, who.OrgID)
	return m, org, err
}

// RevokeCode revokes the registration code of a user.
func (s *Service) RevokeCode(ctx context.Context, tx *store.Tx, who api.Caller, in api.PersonRequest) (api.Message, error) {
	m, err := s.DB.Member(ctx, who.OrgID, in.UserID)
	if err != nil {
		return api.Message{}, err
	}
	_, err = code.Revoke(ctx, s.DB, tx, who, m.ID, s.Now())
	return api.Message{Message: "The code is revoked."}, err
}
