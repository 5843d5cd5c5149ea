package user

import (
	"cmp"
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/pagination"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Create invites a user into the caller's organisation. The code is mailed or, if no mail is
// configured, returned to the caller.
func (s *Service) Create(ctx context.Context, tx *store.Tx, who api.Caller, in api.CreateUserRequest) (api.User, error) {
	if err := checkNew(in); err != nil {
		return api.User{}, err
	}
	u := newUser(who.OrgID, Invitee{Username: in.Email, Kind: in.Kind}, username.Key(in.Email), s.Now())
	u.ExternalID = in.ExternalID
	invited, err := s.inviteFor(ctx, tx, who, []store.User{u}, nil, errExists)
	if err != nil {
		return api.User{}, err
	}
	out := toAPI(store.Member{User: u})
	if i := invited[0]; !i.Mailed {
		out.Invitation = issued(i.Issued)
	}
	return out, nil
}

// InviteTenant is Create for clients of several organisations, whose kind of user is TenantUser.
func (s *Service) InviteTenant(ctx context.Context, tx *store.Tx, who api.Caller, in api.InviteUserRequest) (api.InvitedTenantUser, error) {
	switch {
	case in.Kind == "":
		return api.InvitedTenantUser{}, api.Missing("kind")
	case in.Kind != "TenantUser":
		return api.InvitedTenantUser{}, &api.Error{Kind: api.Invalid, Code: "user_kind_invalid", Message: "The member /kind must be TenantUser."}
	}
	u, err := s.Create(ctx, tx, who, api.CreateUserRequest{Email: in.Email, Kind: api.CustomerEmployee})
	return api.InvitedTenantUser{Invitation: u.Invitation}, err
}

func issued(i code.Issued) *api.IssuedInvitation {
	return &api.IssuedInvitation{RegistrationCode: i.Code, RegistrationURL: i.Link, ExpiresAt: api.Time(i.Row.ExpiresAt)}
}

// inviteFor adds new users to the unit, each with a code and, unless it is nil, the permission. Once
// the unit is committed it mails the codes of users who have an address. The unit fails with taken
// if a name is taken.
func (s *Service) inviteFor(ctx context.Context, tx *store.Tx, who api.Caller, users []store.User, permission *store.Permission, taken error) ([]Invitation, error) {
	now := s.Now()
	invited := make([]Invitation, len(users))
	for i, u := range users {
		invited[i] = Invitation{User: u, Issued: s.Codes.Make(u, code.DefaultLifetime), Mailed: s.Codes.Outbox.Reaches(u.Username)}
	}
	var org store.Organisation
	if s.Codes.Outbox.Configured() { // now, since nothing may fail after the commit
		var err error
		if org, err = s.DB.Organisation(ctx, who.OrgID); err != nil {
			return nil, err
		}
	}
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = u.Username
	}
	twins, err := s.DB.Twins(ctx, who.OrgID, names)
	if err != nil {
		return nil, err
	}
	for name, twin := range twins {
		return nil, username.Confusable(name, twin)
	}
	for _, i := range invited {
		s.add(tx, who, i, entry{user: i.User, isNew: true}, now, taken)
		if permission != nil && (permission.Managed != store.ManagedEndUser || i.User.Kind != api.EndUser) { // end users have it anyway
			access.Assign(tx, who, []store.HeldPermission{access.Held(*permission, i.User.ID, now)}, i.User.ID, now)
		}
		if i.Mailed {
			tx.Committed(func() { s.Codes.Post(org, i.User, i.Issued) })
		}
	}
	return invited, nil
}

var errExists = &api.Error{Kind: api.Unauthenticated, Code: "user_already_exists", Message: "User already exists.",
	Rule: "one user of a name in an organisation"}

func checkNew(in api.CreateUserRequest) error {
	switch {
	case in.Email == "":
		return api.Missing("email")
	case in.Kind == "":
		return api.Missing("kind")
	case in.Kind != api.CustomerEmployee:
		return &api.Error{Kind: api.Invalid, Code: "user_kind_invalid", Message: "The member /kind must be CustomerEmployee."}
	case !mail.ValidAddress(in.Email):
		return &api.Error{Kind: api.Invalid, Code: "email_invalid", Message: "The member /email must be a mail address."}
	case in.IsSSORequired:
		return errSSO
	}
	if err := username.CheckExternalID(in.ExternalID); err != nil {
		return err
	}
	return username.Check(in.Email)
}

// Get shows a user of the caller's organisation.
func (s *Service) Get(ctx context.Context, who api.Caller, in api.UserRequest) (api.User, error) {
	m, err := s.DB.Member(ctx, who.OrgID, in.UserID)
	if err != nil {
		return api.User{}, err
	}
	return toAPI(m), nil
}

// Lengths of a page, unless the caller names one.
const (
	defaultPage   = 100
	defaultPeople = 50
)

// Page lists the users of the caller's organisation, in the order they were invited.
func (s *Service) Page(ctx context.Context, who api.Caller, in api.ListUsersRequest) (api.UserList, error) {
	users := pagination.List[store.Member, api.User]{Name: []string{"users", who.OrgID, in.Kind}, Show: toAPI,
		Read: func(after string, limit int) ([]store.Member, error) {
			return s.DB.Members(ctx, who.OrgID, in.Kind, after, limit)
		},
		Mark: func(m store.Member) string { return m.ID }}
	items, next, err := pagination.Read(s.Pages, users, in.PaginationToken, cmp.Or(in.Limit, defaultPage))
	return api.UserList{Items: items, NextPageToken: next}, err
}

// toAPI returns a user as the contract has it.
func toAPI(m store.Member) api.User {
	return api.User{Username: m.Username, Name: m.Username, UserID: m.ID, Kind: m.Kind,
		CredentialUUID: cmp.Or(m.CredentialID, api.FirstCredentialID(m.ID)), OrgID: m.OrgID, Permissions: []string{}, IsActive: m.Active, IsRegistered: !m.RegisteredAt.IsZero(),
		PermissionAssignments: access.Summaries(m.Assignments)}
}
