package client

import (
	"context"
	"net/http"

	"github.com/countersign/countersign/api"
)

// The methods of this file administer an organisation. What changes something is signed.

// UpdateUser changes a user.
func (s *Session) UpdateUser(ctx context.Context, in api.UpdateUserRequest) (api.User, error) {
	return signed[api.User](ctx, s, http.MethodPut, path(usersPath, in.UserID), in)
}

// ActivateUser puts a deactivated user back.
func (s *Session) ActivateUser(ctx context.Context, userID string) (api.User, error) {
	return signed[api.User](ctx, s, http.MethodPut, path(usersPath, userID, "activate"), empty)
}

// DeactivateUser shuts a user out and ends their sessions.
func (s *Session) DeactivateUser(ctx context.Context, userID string) (api.User, error) {
	return signed[api.User](ctx, s, http.MethodPut, path(usersPath, userID, "deactivate"), empty)
}

// ArchiveUser takes a user out of the organisation for good.
func (s *Session) ArchiveUser(ctx context.Context, userID string) (api.User, error) {
	return signed[api.User](ctx, s, http.MethodDelete, path(usersPath, userID), empty)
}

// CreateServiceAccount makes a machine. The answer has its access token, which is shown
// nowhere else.
func (s *Session) CreateServiceAccount(ctx context.Context, in api.CreateServiceAccountRequest) (api.ServiceAccount, error) {
	return signed[api.ServiceAccount](ctx, s, http.MethodPost, path(serviceAccountsPath), in)
}

// ListServiceAccounts lists the organisation's machines.
func (s *Session) ListServiceAccounts(ctx context.Context) (api.ServiceAccountList, error) {
	return read[api.ServiceAccountList](ctx, s, path(serviceAccountsPath))
}

// GetServiceAccount shows a machine.
func (s *Session) GetServiceAccount(ctx context.Context, id string) (api.ServiceAccount, error) {
	return read[api.ServiceAccount](ctx, s, path(serviceAccountsPath, id))
}

// UpdateServiceAccount renames a machine.
func (s *Session) UpdateServiceAccount(ctx context.Context, in api.UpdateServiceAccountRequest) (api.ServiceAccount, error) {
	return signed[api.ServiceAccount](ctx, s, http.MethodPut, path(serviceAccountsPath, in.ServiceAccountID), in)
}

// ActivateServiceAccount puts a deactivated machine back.
func (s *Session) ActivateServiceAccount(ctx context.Context, id string) (api.ServiceAccount, error) {
	return signed[api.ServiceAccount](ctx, s, http.MethodPut, path(serviceAccountsPath, id, "activate"), empty)
}

// DeactivateServiceAccount shuts a machine out.
func (s *Session) DeactivateServiceAccount(ctx context.Context, id string) (api.ServiceAccount, error) {
	return signed[api.ServiceAccount](ctx, s, http.MethodPut, path(serviceAccountsPath, id, "deactivate"), empty)
}

// ArchiveServiceAccount takes a machine away for good.
func (s *Session) ArchiveServiceAccount(ctx context.Context, id string) (api.ServiceAccount, error) {
	return signed[api.ServiceAccount](ctx, s, http.MethodDelete, path(serviceAccountsPath, id), empty)
}

// CreateToken makes an access token for a program of the caller's. It is shown nowhere else.
func (s *Session) CreateToken(ctx context.Context, in api.CreateTokenRequest) (api.AccessToken, error) {
	return signed[api.AccessToken](ctx, s, http.MethodPost, path(tokensPath), in)
}

// ListTokens lists the caller's personal access tokens.
func (s *Session) ListTokens(ctx context.Context) (api.TokenList, error) {
	return read[api.TokenList](ctx, s, path(tokensPath))
}

// GetToken shows one of the caller's personal access tokens.
func (s *Session) GetToken(ctx context.Context, id string) (api.AccessToken, error) {
	return read[api.AccessToken](ctx, s, path(tokensPath, id))
}

// UpdateToken renames one of the caller's personal access tokens.
func (s *Session) UpdateToken(ctx context.Context, in api.UpdateTokenRequest) (api.AccessToken, error) {
	return signed[api.AccessToken](ctx, s, http.MethodPut, path(tokensPath, in.TokenID), in)
}

// ActivateToken puts a withdrawn one back.
func (s *Session) ActivateToken(ctx context.Context, id string) (api.AccessToken, error) {
	return signed[api.AccessToken](ctx, s, http.MethodPut, path(tokensPath, id, "activate"), empty)
}

// DeactivateToken withdraws one.
func (s *Session) DeactivateToken(ctx context.Context, id string) (api.AccessToken, error) {
	return signed[api.AccessToken](ctx, s, http.MethodPut, path(tokensPath, id, "deactivate"), empty)
}

// ArchiveToken withdraws one for good.
func (s *Session) ArchiveToken(ctx context.Context, id string) (api.AccessToken, error) {
	return signed[api.AccessToken](ctx, s, http.MethodDelete, path(tokensPath, id), empty)
}

// CreatePermission makes a permission.
func (s *Session) CreatePermission(ctx context.Context, in api.CreatePermissionRequest) (api.Permission, error) {
	return signed[api.Permission](ctx, s, http.MethodPost, path(permissionsPath), in)
}

// ListPermissions lists a page of the organisation's permissions.
func (s *Session) ListPermissions(ctx context.Context, in api.ListPermissionsRequest) (api.PermissionList, error) {
	return read[api.PermissionList](ctx, s, path(permissionsPath).page(in.Limit, in.PaginationToken))
}

// GetPermission shows a permission.
func (s *Session) GetPermission(ctx context.Context, id string) (api.Permission, error) {
	return read[api.Permission](ctx, s, path(permissionsPath, id))
}

// UpdatePermission changes a permission, and so what all may do who have it.
func (s *Session) UpdatePermission(ctx context.Context, in api.UpdatePermissionRequest) (api.Permission, error) {
	return signed[api.Permission](ctx, s, http.MethodPut, path(permissionsPath, in.PermissionID), in)
}

// ArchivePermission archives a permission, or brings it back.
func (s *Session) ArchivePermission(ctx context.Context, id string, archived bool) (api.Permission, error) {
	return signed[api.Permission](ctx, s, http.MethodPut, path(permissionsPath, id, "archive"), api.ArchivePermissionRequest{IsArchived: &archived})
}

// Assign gives a permission to a user, service account, access token or application.
func (s *Session) Assign(ctx context.Context, permissionID, identityID string) (api.Assignment, error) {
	return signed[api.Assignment](ctx, s, http.MethodPost, path(permissionsPath, permissionID, "assignments"),
		api.CreateAssignmentRequest{IdentityID: identityID})
}

// ListAssignments lists a page of who has a permission.
func (s *Session) ListAssignments(ctx context.Context, in api.ListAssignmentsRequest) (api.AssignmentList, error) {
	return read[api.AssignmentList](ctx, s, path(permissionsPath, in.PermissionID, "assignments").page(in.Limit, in.PaginationToken))
}

// Revoke takes a permission back.
func (s *Session) Revoke(ctx context.Context, permissionID, assignmentID string) error {
	_, err := signed[api.Nothing](ctx, s, http.MethodDelete, path(permissionsPath, permissionID, "assignments", assignmentID), empty)
	return err
}

const (
	serviceAccountsPath = "/auth/service-accounts"
	tokensPath          = "/auth/pats"
	permissionsPath     = "/permissions"
)

// empty is the body of a change that its path says all of.
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

// place is a path, or why it is none: an id that would lead elsewhere.
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

// page adds which page of a list is meant.
func (p place) page(limit int, paginationToken string) place {
	p.path = paged(p.path, limit, paginationToken, "")
	return p
}
