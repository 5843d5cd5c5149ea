package client

import (
	"context"
	"net/http"

	"github.com/countersign/countersign/api"
)

// The methods of this file administer an organisation. Those that change something sign.

// UpdateUser changes a user.
func (s *Session) UpdateUser(ctx context.Context, in api.UpdateUserRequest) (api.User, error) {
	return signed[api.User](ctx, s, http.MethodPut, path(usersPath, in.UserID), in)
}

// ActivateUser activates a deactivated user.
func (s *Session) ActivateUser(ctx context.Context, userID string) (api.User, error) {
	return signed[api.User](ctx, s, http.MethodPut, path(usersPath, userID, "activate"), empty)
}

// DeactivateUser deactivates a user and ends their sessions.
func (s *Session) DeactivateUser(ctx context.Context, userID string) (api.User, error) {
	return signed[api.User](ctx, s, http.MethodPut, path(usersPath, userID, "deactivate"), empty)
}

// ArchiveUser removes a user from the organisation permanently.
func (s *Session) ArchiveUser(ctx context.Context, userID string) (api.User, error) {
	return signed[api.User](ctx, s, http.MethodDelete, path(usersPath, userID), empty)
}

// CreateServiceAccount makes a service account. Only this answer has its access token.
func (s *Session) CreateServiceAccount(ctx context.Context, in api.CreateServiceAccountRequest) (api.ServiceAccount, error) {
	return signed[api.ServiceAccount](ctx, s, http.MethodPost, path(serviceAccountsPath), in)
}

// ListServiceAccounts lists the organisation's service accounts.
func (s *Session) ListServiceAccounts(ctx context.Context) (api.ServiceAccountList, error) {
	return read[api.ServiceAccountList](ctx, s, path(serviceAccountsPath))
}

// GetServiceAccount returns a service account.
func (s *Session) GetServiceAccount(ctx context.Context, id string) (api.ServiceAccount, error) {
	return read[api.ServiceAccount](ctx, s, path(serviceAccountsPath, id))
}

// UpdateServiceAccount renames a service account.
func (s *Session) UpdateServiceAccount(ctx context.Context, in api.UpdateServiceAccountRequest) (api.ServiceAccount, error) {
	return signed[api.ServiceAccount](ctx, s, http.MethodPut, path(serviceAccountsPath, in.ServiceAccountID), in)
}

// ActivateServiceAccount activates a deactivated service account.
func (s *Session) ActivateServiceAccount(ctx context.Context, id string) (api.ServiceAccount, error) {
	return signed[api.ServiceAccount](ctx, s, http.MethodPut, path(serviceAccountsPath, id, "activate"), empty)
}

// DeactivateServiceAccount deactivates a service account.
func (s *Session) DeactivateServiceAccount(ctx context.Context, id string) (api.ServiceAccount, error) {
	return signed[api.ServiceAccount](ctx, s, http.MethodPut, path(serviceAccountsPath, id, "deactivate"), empty)
}

// ArchiveServiceAccount removes a service account permanently.
func (s *Session) ArchiveServiceAccount(ctx context.Context, id string) (api.ServiceAccount, error) {
	return signed[api.ServiceAccount](ctx, s, http.MethodDelete, path(serviceAccountsPath, id), empty)
}

// CreateToken makes a personal access token of the caller. Only this answer has it.
func (s *Session) CreateToken(ctx context.Context, in api.CreateTokenRequest) (api.AccessToken, error) {
	return signed[api.AccessToken](ctx, s, http.MethodPost, path(tokensPath), in)
}

// ListTokens lists the caller's personal access tokens.
func (s *Session) ListTokens(ctx context.Context) (api.TokenList, error) {
	return read[api.TokenList](ctx, s, path(tokensPath))
}

// GetToken returns one of the caller's personal access tokens.
func (s *Session) GetToken(ctx context.Context, id string) (api.AccessToken, error) {
	return read[api.AccessToken](ctx, s, path(tokensPath, id))
}

// UpdateToken renames one of the caller's personal access tokens.
func (s *Session) UpdateToken(ctx context.Context, in api.UpdateTokenRequest) (api.AccessToken, error) {
	return signed[api.AccessToken](ctx, s, http.MethodPut, path(tokensPath, in.TokenID), in)
}

// ActivateToken activates a deactivated personal access token.
func (s *Session) ActivateToken(ctx context.Context, id string) (api.AccessToken, error) {
	return signed[api.AccessToken](ctx, s, http.MethodPut, path(tokensPath, id, "activate"), empty)
}

// DeactivateToken deactivates a personal access token.
func (s *Session) DeactivateToken(ctx context.Context, id string) (api.AccessToken, error) {
	return signed[api.AccessToken](ctx, s, http.MethodPut, path(tokensPath, id, "deactivate"), empty)
}

// ArchiveToken removes a personal access token permanently.
func (s *Session) ArchiveToken(ctx context.Context, id string) (api.AccessToken, error) {
	return signed[api.AccessToken](ctx, s, http.MethodDelete, path(tokensPath, id), empty)
}

// CreatePermission makes a permission.
func (s *Session) CreatePermission(ctx context.Context, in api.CreatePermissionRequest) (api.Permission, error) {
	return signed[api.Permission](ctx, s, http.MethodPost, path(permissionsPath), in)
}

// ListPermissions returns a page of the organisation's permissions.
func (s *Session) ListPermissions(ctx context.Context, in api.ListPermissionsRequest) (api.PermissionList, error) {
	return read[api.PermissionList](ctx, s, path(permissionsPath).page(in.Limit, in.PaginationToken))
}

// GetPermission returns a permission.
func (s *Session) GetPermission(ctx context.Context, id string) (api.Permission, error) {
	return read[api.Permission](ctx, s, path(permissionsPath, id))
}

// UpdatePermission changes a permission, for everybody who has it.
func (s *Session) UpdatePermission(ctx context.Context, in api.UpdatePermissionRequest) (api.Permission, error) {
	return signed[api.Permission](ctx, s, http.MethodPut, path(permissionsPath, in.PermissionID), in)
}

// ArchivePermission archives a permission, or restores it.
func (s *Session) ArchivePermission(ctx context.Context, id string, archived bool) (api.Permission, error) {
	return signed[api.Permission](ctx, s, http.MethodPut, path(permissionsPath, id, "archive"), api.ArchivePermissionRequest{IsArchived: &archived})
}

// Assign gives a permission to a user, service account, access token or application.
func (s *Session) Assign(ctx context.Context, permissionID, identityID string) (api.Assignment, error) {
	return signed[api.Assignment](ctx, s, http.MethodPost, path(permissionsPath, permissionID, "assignments"),
		api.CreateAssignmentRequest{IdentityID: identityID})
}

// ListAssignments returns a page of a permission's assignments.
func (s *Session) ListAssignments(ctx context.Context, in api.ListAssignmentsRequest) (api.AssignmentList, error) {
	return read[api.AssignmentList](ctx, s, path(permissionsPath, in.PermissionID, "assignments").page(in.Limit, in.PaginationToken))
}

// Revoke revokes an assignment of a permission.
func (s *Session) Revoke(ctx context.Context, permissionID, assignmentID string) error {
	_, err := signed[api.Nothing](ctx, s, http.MethodDelete, path(permissionsPath, permissionID, "assignments", assignmentID), empty)
	return err
}

const (
	serviceAccountsPath = "/auth/service-accounts"
	tokensPath          = "/auth/pats"
	permissionsPath     = "/permissions"
)

// empty is the body of a change that needs none.
var empty = api.Nothing{}

func signed[Out any](ctx context.Context, s *Session, method string, at place, in any) (out Out, err error) {
	if at.err != nil {
		return out, at.err
	}
	err = s.DoSigned(ctx, method, at.path, in, &out)
	return out, err
}

func read[Out any](ctx context.Context, s *Session, at place) (out Out, err error) {
	if at.err != nil {
		return out, at.err
	}
	err = s.Do(ctx, http.MethodGet, at.path, nil, &out)
	return out, err
}

// place is a path, or the error of an id that would lead to another path.
type place struct {
	path string
	err  error
}

func path(base string, ids ...string) place {
	for _, id := range ids {
		s, err := segment(id)
		if err != nil {
			return place{err: err}
		}
		base += "/" + s
	}
	return place{path: base}
}

// page adds the query for a page of a list.
func (p place) page(limit int, paginationToken string) place {
	p.path = paged(p.path, limit, paginationToken, "")
	return p
}
