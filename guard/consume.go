package guard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json" // unlike the standard library's, it escapes no more than it must

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// consume has the server spend the token. Only the server knows that it was not used
// before, and that user, credential and session are still active. The payload was compared
// with the token before; the server compares it again.
func (g *Guard) consume(r *http.Request, token string, c useraction.Claims, payload []byte) (Action, error) {
	if useraction.PayloadDigest(payload) != c.PayloadSHA256 { // other white space: that alone may be more than the server reads
		payload, _ = useraction.Canonical(payload)
	}
	text := string(payload)
	body, err := json.Marshal(api.ConsumeActionRequest{UserAction: token, Method: r.Method, Path: g.origin + requestURI(r), Payload: &text})
	if err != nil {
		return Action{}, notSpent(err)
	}
	// The request's own context would end too early: a client that has sent everything and
	// closed its side still waits for the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), callTimeout)
	defer cancel()
	status, answer, err := g.call(ctx, http.MethodPost, "/countersign/actions/consume", body)
	if err != nil {
		return Action{}, notSpent(err)
	}
	if status != http.StatusOK {
		return Action{}, refusedByServer(status, answer)
	}
	return readAction(answer, c)
}

func notSpent(cause error) error { return unavailable("the server spends the token", cause) }

// readAction reads the server's answer and checks that it is about this token.
func readAction(answer []byte, c useraction.Claims) (Action, error) {
	var a api.ConsumedAction
	if err := json.Unmarshal(answer, &a); err != nil {
		return Action{}, notSpent(errors.New("the answer is not the JSON of a consumed action"))
	}
	if a.ActionID != c.ID || a.OrgID != c.Metadata.OrgID || a.UserID != c.Metadata.UserID {
		return Action{}, notSpent(errors.New("the answer is about another action"))
	}
	at, err := time.Parse(time.RFC3339Nano, a.SignedAt)
	if err != nil {
		return Action{}, notSpent(errors.New("the answer does not say when it was signed"))
	}
	return Action{ActionID: a.ActionID, OrgID: a.OrgID, UserID: a.UserID, Username: a.Username,
		CredentialUUID: a.CredentialUUID, CredentialKind: a.CredentialKind, TokenID: c.TokenID, SignedAt: at, Receipt: []byte(a.Receipt)}, nil
}

// refusedByServer returns the error for an answer that is not a success. A refusal of the
// token is passed on to the client, who is not to blame for any other failure.
func refusedByServer(status int, answer []byte) error {
	var body api.ErrorBody
	if json.Unmarshal(answer, &body) != nil {
		return notSpent(fmt.Errorf("the server answered with status %d", status))
	}
	var e *api.Error
	switch refusal := body.Error; {
	case status == http.StatusForbidden && refusal.Code == codeInvalid:
		e = invalid("Countersign accepts the token", "", "")
	case status == http.StatusBadRequest && refusal.Code == codeUsed:
		e = &api.Error{Kind: api.Invalid, Code: codeUsed, Message: "user action has already been used"}
	default:
		return notSpent(fmt.Errorf("the server answered %d %s with the support id %s", status, api.Shown(refusal.Code), api.Shown(refusal.ID)))
	}
	if api.ValidID(api.PrefixRefusal, body.Error.ID) {
		return &serverRefusal{e, body.Error.ID}
	}
	return e
}

// serverRefusal is a refusal by the server. The client gets its support id, since
// Countersign's operator can look it up.
type serverRefusal struct {
	refusal *api.Error
	id      string
}

func (s *serverRefusal) Error() string { return s.refusal.Error() }
func (s *serverRefusal) Unwrap() error { return s.refusal }
