package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/countersign/countersign/api"
)

// InitRegistration presents a registration code and returns the challenge to sign. It fails with
// ErrChallenge if that is not a registration's.
func (c *Client) InitRegistration(ctx context.Context, in api.InitRegistrationRequest) (api.RegistrationChallenge, error) {
	out, err := ask[api.RegistrationChallenge](ctx, c, call{method: http.MethodPost, path: "/auth/registration/init"}, in)
	if err != nil {
		return out, err
	}
	if _, err := c.check(api.PurposeRegistration, out.Challenge, out.TemporaryAuthenticationToken, in.OrgID); err != nil {
		return api.RegistrationChallenge{}, err
	}
	return out, nil
}

// Register completes a registration; token is the challenge's
// temporaryAuthenticationToken. If the answer is lost, the same call may be sent again and
// gets the same answer.
func (c *Client) Register(ctx context.Context, token string, in api.RegistrationRequest) (api.RegistrationResult, error) {
	return ask[api.RegistrationResult](ctx, c, call{method: http.MethodPost, path: "/auth/registration", token: token}, in)
}

// ResendRegistrationCode replaces a user's registration code and mails the new one.
// The answer does not reveal whether the user exists.
func (c *Client) ResendRegistrationCode(ctx context.Context, in api.ResendRegistrationCodeRequest) (api.Message, error) {
	return ask[api.Message](ctx, c, call{method: http.MethodPut, path: "/auth/registration/code"}, in)
}

// InitLogin begins a login and returns the challenge to sign. The credentials in it do not
// reveal whether the user exists. It fails with ErrChallenge if the challenge is not a login's,
// so that nobody signs an action unawares.
func (c *Client) InitLogin(ctx context.Context, in api.InitLoginRequest) (api.SigningChallenge, error) {
	out, err := ask[api.SigningChallenge](ctx, c, call{method: http.MethodPost, path: "/auth/login/init"}, in)
	if err != nil {
		return out, err
	}
	if _, err := c.check(api.PurposeLogin, out.Challenge, out.ChallengeIdentifier, in.OrgID); err != nil {
		return api.SigningChallenge{}, err
	}
	return out, nil
}

// Login completes a login with the signed challenge and returns the session's token. A
// challenge works for one login: if the answer is lost, begin again.
func (c *Client) Login(ctx context.Context, in api.SignedChallenge) (api.LoginResult, error) {
	return ask[api.LoginResult](ctx, c, call{method: http.MethodPost, path: "/auth/login"}, in)
}

// SendLoginCode mails the code with which InitLogin returns encrypted private keys. The
// answer does not reveal whether the user exists.
func (c *Client) SendLoginCode(ctx context.Context, in api.SendLoginCodeRequest) (api.Message, error) {
	return ask[api.Message](ctx, c, call{method: http.MethodPost, path: "/auth/login/code"}, in)
}

// Logout ends the token's session or, with all, every session of its user.
func (c *Client) Logout(ctx context.Context, token string, all bool) (api.Message, error) {
	return ask[api.Message](ctx, c, call{method: http.MethodPut, path: "/auth/logout", token: token},
		api.LogoutRequest{AllSessions: all})
}

// InitAction says which request is to be signed and returns the challenge: the digest
// of a statement that names this user, method, path and payload. The payload is the text
// of the body that will be sent; this package sends what json.Marshal writes. It fails with
// ErrChallenge if the challenge is for any other request.
func (c *Client) InitAction(ctx context.Context, token string, in api.InitActionRequest) (api.SigningChallenge, error) {
	out, err := ask[api.SigningChallenge](ctx, c, call{method: http.MethodPost, path: "/auth/action/init", token: token}, in)
	if err != nil {
		return out, err
	}
	if err := c.checkAction(out, in); err != nil {
		return api.SigningChallenge{}, err
	}
	return out, nil
}

// SignAction completes the signing and returns the signed action. It is valid for five
// minutes, for the signed request only, and once.
func (c *Client) SignAction(ctx context.Context, token string, in api.SignedChallenge) (api.ActionResult, error) {
	return ask[api.ActionResult](ctx, c, call{method: http.MethodPost, path: "/auth/action", token: token}, in)
}

// CreateUser invites a user; userAction is the signed action for POST /auth/users with
// the same request. If mail is not configured, the answer has the registration code.
func (c *Client) CreateUser(ctx context.Context, token, userAction string, in api.CreateUserRequest) (api.User, error) {
	return ask[api.User](ctx, c, call{method: http.MethodPost, path: usersPath, token: token, userAction: userAction}, in)
}

const usersPath = "/auth/users"

// ListUsers returns a page of the organisation's users. Its NextPageToken requests the next
// one.
func (c *Client) ListUsers(ctx context.Context, token string, in api.ListUsersRequest) (api.UserList, error) {
	return ask[api.UserList](ctx, c, call{method: http.MethodGet, path: paged(usersPath, in.Limit, in.PaginationToken, in.Kind), token: token}, nil)
}

// paged adds the query for a page of a list, and for a kind, to its path.
func paged(path string, limit int, paginationToken, kind string) string {
	q := url.Values{}
	if limit != 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	if paginationToken != "" {
		q.Set("paginationToken", paginationToken)
	}
	if kind != "" {
		q.Set("kind", kind)
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// GetUser returns the user with that id.
func (c *Client) GetUser(ctx context.Context, token, userID string) (api.User, error) {
	id, err := segment(userID)
	if err != nil {
		return api.User{}, err
	}
	return ask[api.User](ctx, c, call{method: http.MethodGet, path: usersPath + "/" + id, token: token}, nil)
}

// ConsumeAction spends a signed action that came with a request to another service, and
// returns who signed it. All members of in are required: the request must be the one that was
// signed. It needs no token: whoever has the action may spend it. If the
// answer is lost, the action counts as used.
func (c *Client) ConsumeAction(ctx context.Context, in api.ConsumeActionRequest) (api.ConsumedAction, error) {
	return ask[api.ConsumedAction](ctx, c, call{method: http.MethodPost, path: "/countersign/actions/consume"}, in)
}

// Receipt returns the receipt of a signed action, byte for byte as the server sealed it:
// store it unchanged. Users may get the receipts of their own actions, and those of the whole
// organisation if they may read its audit log.
func (c *Client) Receipt(ctx context.Context, token, actionID string) (json.RawMessage, error) {
	id, err := segment(actionID)
	if err != nil {
		return nil, err
	}
	return ask[json.RawMessage](ctx, c, call{method: http.MethodGet, path: "/countersign/actions/" + id, token: token}, nil)
}
