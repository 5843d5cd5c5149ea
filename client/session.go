package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/countersign/countersign/api"
)

// Session is a logged-in user at one server: a token and, if it can sign, the user's
// credential. LogIn and Client.Session make one. It does not log in again by itself: once its
// calls fail with the code token_invalid it has ended, and LogIn makes a new one. It is safe
// for concurrent use as long as its fields are not changed.
type Session struct {
	Token  string `json:"-"`
	Signer Signer `json:"-"`

	client *Client
}

// LogIn logs a user in with the signer's credential.
func (c *Client) LogIn(ctx context.Context, orgID, username string, signer Signer) (*Session, error) {
	if orgID == "" || username == "" || signer == nil {
		return nil, errors.New("client: logging in takes an organisation, a username and a signer")
	}
	challenge, err := c.InitLogin(ctx, api.InitLoginRequest{OrgID: orgID, Username: username})
	if err != nil {
		return nil, err
	}
	answer, err := answer(ctx, signer, challenge)
	if err != nil {
		return nil, err
	}
	result, err := c.Login(ctx, answer)
	if err != nil {
		return nil, err
	}
	return c.Session(result.Token, signer), nil
}

// Session returns the session of an existing token. If signer is nil, it can only read.
func (c *Client) Session(token string, signer Signer) *Session {
	return &Session{Token: token, Signer: signer, client: c}
}

// Caller returns whom the token belongs to and what it may do.
func (s *Session) Caller(ctx context.Context) (api.CallerInfo, error) {
	return read[api.CallerInfo](ctx, s, path("/countersign/caller"))
}

// String does not contain the token.
func (s Session) String() string { return "session at " + s.client.BaseURL }

// Format writes String, so that no verb of fmt prints the token.
func (s Session) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// answer has the signer, with both factors if it is TwoFactors, answer a challenge.
func answer(ctx context.Context, signer Signer, c api.SigningChallenge) (api.SignedChallenge, error) {
	assertion, err := signer.Sign(ctx, c)
	if err != nil {
		return api.SignedChallenge{}, err
	}
	out := api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: &assertion}
	if two, ok := signer.(TwoFactors); ok {
		second, err := two.Second.Sign(ctx, c)
		if err != nil {
			return api.SignedChallenge{}, err
		}
		out.SecondFactor = &second
	}
	return out, nil
}

// Do makes a call that needs no signature. The body is the JSON of in, none for nil. The
// answer is read into out unless that is nil; a *json.RawMessage takes it byte for byte.
// The path may have a query.
func (s *Session) Do(ctx context.Context, method, path string, in, out any) error {
	body, err := encode(in)
	if err != nil {
		return err
	}
	return s.client.do(ctx, call{method: method, path: path, token: s.Token, body: body}, out)
}

// DoSigned is Do for a call that must be signed: it signs method, path and body, and sends
// the same bytes. It makes three requests; if it fails before the last one, nothing was
// changed.
func (s *Session) DoSigned(ctx context.Context, method, path string, in, out any) error {
	body, err := encode(in)
	if err != nil {
		return err
	}
	r := call{method: method, path: path, token: s.Token, body: body}
	if _, err := s.client.request(ctx, r); err != nil {
		return err // it cannot be sent: fail before anybody signs it
	}
	if r.userAction, err = s.SignFor(ctx, method, path, body); err != nil {
		return err
	}
	return s.client.do(ctx, r, out)
}

// SignFor signs a request without sending it, and returns the signed action for its header
// X-DFNS-USERACTION. Use it for a request to another service: path is then the path and query
// that the service requires, with or without its origin before it. The payload is the body
// that will be sent, byte for byte; it must be text.
func (s *Session) SignFor(ctx context.Context, method, path string, payload []byte) (userAction string, err error) {
	if s.Signer == nil {
		return "", errors.New("client: this session has no signer and can only read")
	}
	// JSON would turn other bytes into replacement characters, and the request that is
	// signed would differ from the one that is sent.
	if !utf8.Valid(payload) || !utf8.ValidString(path) {
		return "", fmt.Errorf("client: %s %q cannot be signed: path and payload must be UTF-8", method, path)
	}
	challenge, err := s.client.InitAction(ctx, s.Token, api.InitActionRequest{ServerKind: "Api",
		Method: method, Path: path, Payload: string(payload)})
	if err != nil {
		return "", err
	}
	answer, err := answer(ctx, s.Signer, challenge)
	if err != nil {
		return "", err
	}
	result, err := s.client.SignAction(ctx, s.Token, answer)
	return result.UserAction, err
}

// CreateUser is Client.CreateUser, signed.
func (s *Session) CreateUser(ctx context.Context, in api.CreateUserRequest) (out api.User, err error) {
	err = s.DoSigned(ctx, http.MethodPost, usersPath, in, &out)
	return out, err
}

// ListUsers is Client.ListUsers.
func (s *Session) ListUsers(ctx context.Context, in api.ListUsersRequest) (api.UserList, error) {
	return s.client.ListUsers(ctx, s.Token, in)
}

// GetUser is Client.GetUser.
func (s *Session) GetUser(ctx context.Context, userID string) (api.User, error) {
	return s.client.GetUser(ctx, s.Token, userID)
}

// Receipt is Client.Receipt.
func (s *Session) Receipt(ctx context.Context, actionID string) (json.RawMessage, error) {
	return s.client.Receipt(ctx, s.Token, actionID)
}

// LogOut ends this session or, with all, every session of its user.
func (s *Session) LogOut(ctx context.Context, all bool) error {
	_, err := s.client.Logout(ctx, s.Token, all)
	return err
}
