package permission

import (
	"context"
	"errors"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/pagination"
	"github.com/countersign/countersign/internal/store"
)

var (
	errAssigned     = &api.Error{Kind: api.Conflict, Code: "permission_already_assigned", Message: "The permission is already assigned to that identity."}
	errNoAssignment = &api.Error{Kind: api.NotFound, Code: "assignment_not_found", Message: "There is no such assignment."}
	errIdentity     = &api.Error{Kind: api.NotFound, Code: "identity_not_found", Message: "This organisation has no such user, service account, access token or application."}
)

// Assignments lists who has a permission.
func (s *Service) Assignments(ctx context.Context, who api.Caller, in api.ListAssignmentsRequest) (api.AssignmentList, error) {
	if _, err := s.DB.Permission(ctx, who.OrgID, in.PermissionID); err != nil {
		return api.AssignmentList{}, err
	}
	assignments := pagination.List[store.Assignment, api.Assignment]{Name: []string{"assignments", who.OrgID, in.PermissionID}, Show: assigned,
		Read: func(after string, limit int) ([]store.Assignment, error) {
			return s.DB.Assignments(ctx, in.PermissionID, after, limit)
		},
		Mark: func(a store.Assignment) string { return a.ID }}
	items, next, err := pagination.Read(s.Pages, assignments, in.PaginationToken, pageSize(in.Limit))
	return api.AssignmentList{Items: items, NextPageToken: next}, err
}

// Assign assigns a permission to an identity of the organisation. The caller must hold every
// operation of it.
func (s *Service) Assign(ctx context.Context, tx *store.Tx, who api.Caller, in api.CreateAssignmentRequest) (api.Assignment, error) {
	if in.IdentityID == "" {
		return api.Assignment{}, api.Missing("identityId")
	}
	p, err := s.Access.Grant(ctx, who, in.PermissionID)
	if err != nil {
		return api.Assignment{}, err
	}
	subject, err := s.identity(ctx, who, in.IdentityID)
	if err != nil {
		return api.Assignment{}, err
	}
	now := s.Now()
	a := store.Assignment{ID: api.NewID(api.PrefixAssignment, now), OrgID: who.OrgID, PermissionID: p.ID, IdentityID: in.IdentityID, CreatedAt: now}
	tx.Assign(a, p.Version, errAssigned, access.ErrChanged)
	tx.Record(access.Assigned(who, p, a, subject))
	tx.Committed(s.Access.Changed)
	return assigned(a), nil
}

// identity finds an identity in the caller's organisation and returns its user, "" for an
// application.
func (s *Service) identity(ctx context.Context, who api.Caller, id string) (userID string, err error) {
	switch {
	case api.ValidID(api.PrefixUser, id):
		u, err := s.DB.User(ctx, id)
		if err == nil && u.OrgID == who.OrgID && !u.Archived() {
			return u.ID, nil
		}
		return "", orUnknown(err)
	case api.ValidID(api.PrefixToken, id):
		b, err := s.DB.TokenWithUser(ctx, id)
		if err == nil && b.Found && b.Token.OrgID == who.OrgID && !b.Token.Archived() && b.Token.Kind == store.TokenPersonal {
			return b.Token.UserID, nil
		}
		return "", orUnknown(err)
	case api.ValidID(api.PrefixApplication, id):
		a, err := s.DB.Application(ctx, who.OrgID, id)
		if err == nil && !a.Archived() {
			return "", nil
		}
		return "", orUnknown(err)
	}
	return "", errIdentity
}

// orUnknown returns err, or errIdentity if nothing was found or refused.
func orUnknown(err error) error {
	if err != nil && api.KindOf(err) != api.NotFound {
		return err
	}
	return errIdentity
}

// Revoke revokes an assignment, unless it is what the organisation's last administrator needs.
func (s *Service) Revoke(ctx context.Context, tx *store.Tx, who api.Caller, in api.DeleteAssignmentRequest) (api.Nothing, error) {
	p, err := s.DB.Permission(ctx, who.OrgID, in.PermissionID)
	if err != nil {
		return api.Nothing{}, err
	}
	a, err := s.DB.Assignment(ctx, who.OrgID, in.PermissionID, in.AssignmentID)
	if err != nil {
		return api.Nothing{}, err
	}
	subject, err := s.identity(ctx, who, a.IdentityID)
	if err != nil && !errors.Is(err, errIdentity) {
		return api.Nothing{}, err
	}
	if p.Managed == store.ManagedAdministrator {
		tx.KeepAnAdministrator(who.OrgID, a.IdentityID, access.ErrLastAdministrator)
	}
	tx.Revoke(a, errNoAssignment)
	tx.Record(access.Revoked(who, p, a, subject, s.Now()))
	tx.Committed(s.Access.Changed)
	return api.Nothing{}, nil
}

func assigned(a store.Assignment) api.Assignment {
	return api.Assignment{ID: a.ID, PermissionID: a.PermissionID, IdentityID: a.IdentityID,
		DateCreated: api.Time(a.CreatedAt), DateUpdated: api.Time(a.CreatedAt)}
}
