// Package permission creates, changes and assigns permissions. Nobody can assign more than they
// hold, or revoke the permission of the last administrator.
package permission

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/pagination"
	"github.com/countersign/countersign/internal/spelling"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
)

// Service administers permissions.
type Service struct {
	DB     *store.DB
	Access *access.Checker
	Pages  *pagination.Maker
	Now    func() time.Time
}

const (
	defaultPage   = 100
	maxOperations = 500
)

var (
	errName      = &api.Error{Kind: api.Conflict, Code: "permission_name_taken", Message: "This organisation has a permission of that name, or of one that looks the same."}
	errImmutable = &api.Error{Kind: api.Forbidden, Code: "permission_immutable", Message: "This permission cannot be changed; it can only be assigned and revoked."}
)

// Create creates a permission. It may list operations that the caller does not hold; the caller
// cannot assign it then.
func (s *Service) Create(ctx context.Context, tx *store.Tx, who api.Caller, in api.CreatePermissionRequest) (api.Permission, error) {
	if err := username.CheckLabel("name", in.Name); err != nil {
		return api.Permission{}, err
	}
	operations, err := checkOperations(in.Operations)
	if err != nil {
		return api.Permission{}, err
	}
	now := s.Now()
	p := store.Permission{ID: api.NewID(api.PrefixPermission, now), OrgID: who.OrgID, Name: in.Name, NameKey: username.Key(in.Name),
		Operations: operations, Version: 1, CreatedAt: now, UpdatedAt: now}
	tx.CreatePermission(p, errName)
	tx.Record(store.NewEvent(who, store.EventPermissionCreated, now, eventDetail(p)))
	return shown(p), nil
}

// checkOperations returns the operations without repetition. It refuses unknown ones.
func checkOperations(operations []string) ([]string, error) {
	switch {
	case len(operations) == 0:
		return nil, &api.Error{Kind: api.Invalid, Code: "operations_missing", Message: "The member /operations must list at least one operation."}
	case len(operations) > maxOperations:
		return nil, &api.Error{Kind: api.Invalid, Code: "operations_too_many", Message: "The member /operations lists more than 500 operations."}
	}
	var all []string
	for _, o := range operations {
		if _, known := api.Operation(o); !known {
			return nil, unknownOperation(o)
		}
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return all, nil
}

// unknownOperation names the operation that may be meant. What was sent is shown to the caller
// if it looks like one.
func unknownOperation(sent string) error {
	e := &api.Error{Kind: api.Invalid, Code: "operation_unknown", Message: "The member /operations lists something that is no operation",
		Rule: "names of the wire contract", Received: api.Shown(sent)}
	if looksLikeOperation.MatchString(sent) {
		e.Message = "The member /operations lists " + sent + ", which is no operation"
	}
	e.Expected = spelling.Nearest(sent, append(slices.Clone(api.Operations), api.OldOperations...))
	if e.Expected != "" {
		e.Message += "; did you mean " + e.Expected + "?"
	} else {
		e.Message += "."
	}
	return e
}

var looksLikeOperation = regexp.MustCompile(`^[A-Za-z_:-]{1,64}$`)

// List lists the permissions of the caller's organisation.
func (s *Service) List(ctx context.Context, who api.Caller, in api.ListPermissionsRequest) (api.PermissionList, error) {
	permissions := pagination.List[store.Permission, api.Permission]{Name: []string{"permissions", who.OrgID}, Show: shown,
		Read: func(after string, limit int) ([]store.Permission, error) {
			return s.DB.Permissions(ctx, who.OrgID, after, limit)
		},
		Mark: func(p store.Permission) string { return p.ID }}
	items, next, err := pagination.Read(s.Pages, permissions, in.PaginationToken, pageSize(in.Limit))
	return api.PermissionList{Items: items, NextPageToken: next}, err
}

func pageSize(limit int) int {
	return min(cmp.Or(limit, defaultPage), store.MaxPage-1)
}

// Get shows a permission.
func (s *Service) Get(ctx context.Context, who api.Caller, in api.PermissionRequest) (api.Permission, error) {
	p, err := s.DB.Permission(ctx, who.OrgID, in.PermissionID)
	if err != nil {
		return api.Permission{}, err
	}
	return shown(p), nil
}

// Update changes a permission, and with it the rights of everybody who has it. The caller must hold
// every operation that it adds.
func (s *Service) Update(ctx context.Context, tx *store.Tx, who api.Caller, in api.UpdatePermissionRequest) (api.Permission, error) {
	p, err := s.changeable(ctx, who, in.PermissionID)
	if err == nil && p.Archived() {
		err = access.ErrArchived
	}
	if err != nil {
		return api.Permission{}, err
	}
	was := p.Operations
	if in.Name != nil {
		if err := username.CheckLabel("name", *in.Name); err != nil {
			return api.Permission{}, err
		}
		p.Name, p.NameKey = *in.Name, username.Key(*in.Name)
	}
	if in.Operations != nil {
		if p.Operations, err = checkOperations(in.Operations); err != nil {
			return api.Permission{}, err
		}
	}
	if err := s.Access.Holds(ctx, tx, who, "Permissions:Update", added(was, p.Operations)); err != nil {
		return api.Permission{}, err
	}
	now := s.Now()
	tx.UpdatePermission(p, now, errName, access.ErrChanged)
	tx.Record(store.NewEvent(who, store.EventPermissionUpdated, now, eventDetail(p)))
	tx.Committed(s.Access.Changed)
	p.UpdatedAt = now
	return shown(p), nil
}

// added returns the operations of now that are not among those before, by any name.
func added(before, now []string) (more []string) {
	known := map[string]bool{}
	for _, o := range before {
		one, _ := api.Operation(o)
		known[one] = true
	}
	for _, o := range now {
		if one, _ := api.Operation(o); !known[one] {
			more = append(more, o)
		}
	}
	return more
}

// changeable returns a permission that can be changed.
func (s *Service) changeable(ctx context.Context, who api.Caller, id string) (store.Permission, error) {
	p, err := s.DB.Permission(ctx, who.OrgID, id)
	if err == nil && p.Managed == store.ManagedAdministrator {
		err = errImmutable
	}
	return p, err
}

// Archive archives a permission, which then allows nothing, or restores it. To restore it, the caller
// must hold every operation of it.
func (s *Service) Archive(ctx context.Context, tx *store.Tx, who api.Caller, in api.ArchivePermissionRequest) (api.Permission, error) {
	if in.IsArchived == nil {
		return api.Permission{}, api.Missing("isArchived")
	}
	p, err := s.changeable(ctx, who, in.PermissionID)
	if err != nil || p.Archived() == *in.IsArchived {
		return shown(p), err // nothing to change
	}
	now, kind := s.Now(), store.EventPermissionArchived
	if !*in.IsArchived {
		kind = store.EventPermissionRestored
		if err := s.Access.Holds(ctx, tx, who, "Permissions:Archive", p.Operations); err != nil {
			return api.Permission{}, err
		}
	}
	tx.ArchivePermission(p, *in.IsArchived, now, errName, access.ErrChanged)
	tx.Record(store.NewEvent(who, kind, now, eventDetail(p)))
	tx.Committed(s.Access.Changed)
	p.UpdatedAt, p.ArchivedAt = now, time.Time{}
	if *in.IsArchived {
		p.ArchivedAt = now
	}
	return shown(p), nil
}

func eventDetail(p store.Permission) map[string]any {
	return map[string]any{"permissionId": p.ID, "name": p.Name, "operations": p.Operations}
}

func shown(p store.Permission) api.Permission {
	out := api.Permission{ID: p.ID, Name: p.Name, Operations: p.Operations, Status: "Active",
		IsImmutable: p.Managed == store.ManagedAdministrator, IsArchived: p.Archived(),
		DateCreated: api.Time(p.CreatedAt), DateUpdated: api.Time(p.UpdatedAt)}
	if out.IsImmutable {
		out.Operations = api.Operations
	}
	if out.Operations == nil {
		out.Operations = []string{}
	}
	return out
}
