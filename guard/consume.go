package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// consume has the server burn the token. Only the server can tell that it was not used
// before, and that user, credential and session are still good. The body stays here: the
// token has its digest.
func (g *Guard) consume(r *http.Request, token string, c useraction.Claims) (Action, error) {
	body, err := json.Marshal(api.ConsumeActionRequest{UserAction: token, Method: r.Method, Path: g.origin + requestURI(r)})
	if err != nil {
		return Action{}, unavailable("the token is burnt", err)
	}
	// Not under the request's own context: a client that has sent all and closed its side
	// still waits for the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.server+"/countersign/actions/consume", bytes.NewReader(body))
	if err != nil {
		return Action{}, unavailable("the token is burnt", err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := g.http.Do(req)
	if err != nil {
		return Action{}, unavailable("the token is burnt", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return Action{}, unavailable("the token is burnt", err)
	}
	if res.StatusCode != http.StatusOK {
		return Action{}, notConsumed(res.StatusCode, answer)
	}
	return consumed(answer, c)
}

// consumed reads the answer and sees that it is about this very token.
func consumed(answer []byte, c useraction.Claims) (Action, error) {
	var a api.ConsumedAction
	if err := json.Unmarshal(answer, &a); err != nil {
		return Action{}, unavailable("the token is burnt", errors.New("the answer is not the JSON of a consumed action"))
	}
	if a.ActionID != c.ID || a.OrgID != c.Metadata.OrgID || a.UserID != c.Metadata.UserID {
		return Action{}, unavailable("the token is burnt", errors.New("the answer is about another action"))
	}
	at, err := time.Parse(time.RFC3339Nano, a.SignedAt)
	if err != nil {
		return Action{}, unavailable("the token is burnt", errors.New("the answer does not say when it was signed"))
	}
	return Action{ActionID: a.ActionID, OrgID: a.OrgID, UserID: a.UserID, Username: a.Username,
		CredentialUUID: a.CredentialUUID, CredentialKind: a.CredentialKind, TokenID: c.TokenID, SignedAt: at, Receipt: []byte(a.Receipt)}, nil
}

// notConsumed tells a refusal of the token, which is passed on, from every other
// failure, which is not the client's.
func notConsumed(status int, answer []byte) error {
	var body api.ErrorBody
	if json.Unmarshal(answer, &body) != nil {
		return unavailable("the token is burnt", fmt.Errorf("the server answered with status %d", status))
	}
	var e *api.Error
	switch answered := body.Error; {
	case status == http.StatusForbidden && answered.Code == codeInvalid:
		e = invalid("Countersign accepts the token", "", "")
	case status == http.StatusBadRequest && answered.Code == codeUsed:
		e = &api.Error{Kind: api.Invalid, Code: codeUsed, Message: "user action has already been used"}
	default:
		return unavailable("the token is burnt", fmt.Errorf("the server answered %d %s under %s", status, shown(answered.Code), shown(answered.ID)))
	}
	if api.ValidID(api.PrefixRefusal, body.Error.ID) {
		return &told{e, body.Error.ID}
	}
	return e
}

// told is a refusal by the server. Its support id goes to the client, since it is the
// one that Countersign's operator can look up.
type told struct {
	refusal *api.Error
	id      string
}

func (t *told) Error() string { return t.refusal.Error() }
func (t *told) Unwrap() error { return t.refusal }
