package server

import (
	"bytes"
	"context"
	"crypto/subtle"
	"io"
	"net/http"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/server/web"
	"github.com/countersign/countersign/internal/service/action"
	"github.com/countersign/countersign/internal/store"
)

// serve adapts a row of the table: it identifies the caller, checks their permission and their
// signature, and runs the operation.
func (s *Server) serve(row route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange)
		x.route = row.pattern
		if row.origins == anySite {
			crossOrigin(x.Header())
		} else if err := s.ownPage(r); err != nil {
			s.refuse(x, r, err)
			return
		}
		out, err := s.run(row, x, r)
		if err == nil && out != nil {
			err = web.Encode(x, http.StatusOK, out)
		}
		if err != nil {
			s.refuse(x, r, err)
		}
	})
}

func (s *Server) run(row route, x *exchange, r *http.Request) (any, error) {
	who := api.Caller{RequestID: x.id, Address: s.address(r), UserAgent: shorten(r.UserAgent(), 200)}
	var body []byte // of an authenticated caller
	switch {
	case row.callers == ticket:
		who.RawToken = bearerToken(r)
	case row.callers.known():
		// Read the whole body first: it may come slowly, and meanwhile the caller's rights may end.
		var err error
		if body, err = readBody(x, r); err != nil {
			return nil, err
		}
		if who, err = s.identify(r, who, row.inactive()); err != nil {
			return nil, err
		}
		x.caller = who
		if err := s.allow(r, row, who); err != nil {
			return nil, err
		}
	}
	if row.operation.Signed() {
		return s.runSigned(row, x, r, who, body)
	}
	return row.operation.Run(x, r, who)
}

// readBody reads a request's body to its end, and leaves it in the request to be read again.
func readBody(x *exchange, r *http.Request) ([]byte, error) {
	var body bytes.Buffer
	if r.ContentLength != 0 {
		if err := web.ReadBody(x, r, &body); err != nil {
			return nil, err
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body.Bytes())), int64(body.Len())
	return body.Bytes(), nil
}

// inactive refuses the token of a deactivated user: with 401, except for the two operations that
// sign, for which the contract lists 400.
func (row route) inactive() *api.Error {
	if row.id == "createUserActionChallenge" || row.id == "createUserActionSignature" {
		return auth.ErrUserInactive
	}
	return auth.ErrOwnerInactive
}

// identify authenticates the caller by their token. The token says whose it is; the store says at
// every call whether that still holds.
func (s *Server) identify(r *http.Request, who api.Caller, inactive *api.Error) (api.Caller, error) {
	ctx, cancel := web.OperationContext(r)
	defer cancel()
	token := bearerToken(r)
	t, err := s.tokens.Read(ctx, token)
	if err != nil {
		return who, err
	}
	who.OrgID, who.UserID = t.OrgID, t.UserID
	var user store.User
	var found, live bool
	var opener string // the service account that opened the session, "" for none
	if t.Kind == bearer.KindSession {
		b, err := s.db.SessionWithUser(ctx, t.ID)
		if err != nil {
			return who, err
		}
		found = b.Found && b.Session.UserID == t.UserID && b.Session.OrgID == t.OrgID
		opener = b.Session.OpenedBy()
		user, live, who.SessionID, who.Kind = b.User, b.Session.Live(s.now()), t.ID, api.CallerKind(b.User.Kind)
	} else {
		b, err := s.db.TokenWithUser(ctx, t.ID)
		if err != nil {
			return who, err
		}
		found = b.Found && b.Token.UserID == t.UserID && b.Token.OrgID == t.OrgID && b.Token.Kind == t.Kind &&
			subtle.ConstantTimeCompare(b.Token.Digest, bearer.Digest(token)) == 1
		user, live, who.TokenID, who.Kind = b.User, b.Token.Live(s.now()), t.ID, api.CallerKind(b.Token.Kind)
	}
	switch {
	case !found:
		return who, api.About(auth.TokenEnded("none that is known"), who.Subject())
	case !user.Active:
		return who, api.About(inactive, who.Subject())
	case !live:
		return who, api.About(auth.TokenEnded("one that has ended"), who.Subject())
	}
	who.Username, who.UserKind = user.Username, user.Kind
	if opener != "" {
		return who, s.stillDelegated(ctx, who, opener)
	}
	return who, nil
}

// stillDelegated refuses a session that a service account opened for an end user, unless the service
// account may still open one.
func (s *Server) stillDelegated(ctx context.Context, who api.Caller, serviceAccountID string) error {
	rights, err := s.access.Of(ctx, api.Caller{OrgID: who.OrgID, UserID: serviceAccountID, Kind: api.CallerServiceAccount})
	if err == nil && !rights.Hold("Auth:Login:Delegated") {
		err = api.About(auth.TokenEnded("one opened by a service account that may no longer open any"), who.Subject())
	}
	return err
}

// kinds has the bit of each kind of caller.
var kinds = map[api.CallerKind]callers{api.CallerEmployee: employee, api.CallerEndUser: endUser,
	api.CallerServiceAccount: serviceAccount, api.CallerPersonalToken: personal}

// include reports whether a caller is among those of a route. A personal access token is only if its
// person is too: what is not for end users is not for their programs either.
func (c callers) include(who api.Caller) bool {
	return c&kinds[who.Kind] != 0 && (who.Kind != api.CallerPersonalToken || c&kinds[api.CallerKind(who.UserKind)] != 0)
}

// allow refuses a caller of a kind that the route is not for, or without its permission.
func (s *Server) allow(r *http.Request, row route, who api.Caller) error {
	if !row.callers.include(who) {
		return wrongKind(row, who)
	}
	if row.permission == "" {
		return nil
	}
	ctx, cancel := web.OperationContext(r)
	defer cancel()
	rights, err := s.access.Of(ctx, who)
	if err == nil && !rights.Hold(row.permission) {
		err = who.Refused(row.permission, "permission of the operation", "a caller without it")
	}
	return err
}

// wrongKind refuses a caller whom no permission would help. It names the kind, and those that
// the operation is for.
func wrongKind(row route, who api.Caller) error {
	var kinds []string
	for _, k := range row.callers.kinds() {
		kinds = append(kinds, string(k))
	}
	kind := string(who.Kind)
	if who.Kind == api.CallerPersonalToken && row.callers&personal != 0 { // its person is the wrong kind
		kind += " of a user of kind " + who.UserKind
	}
	allowed := strings.Join(kinds, ", ")
	return &api.Error{Kind: api.Forbidden, Code: "permission_denied",
		Message: "Callers of kind " + kind + " cannot use " + row.id + "; it is for " + allowed + ".",
		Details: map[string]any{"callerKind": string(who.Kind), "allowedKinds": kinds},
		Rule:    "kind of caller", Received: kind, Expected: allowed, Subject: who.Subject()}
}

// runSigned runs an operation that the caller must have signed, body included. The signature is used
// up in the unit of the operation's effect, so that the effect happens once however often the request
// is sent. An operation with nothing to write uses it up too.
func (s *Server) runSigned(row route, x *exchange, r *http.Request, who api.Caller, body []byte) (any, error) {
	token, err := userAction(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := web.OperationContext(r)
	defer cancel()
	permit, err := s.services.Action.Permit(ctx, who, action.Use{Token: token, Method: r.Method,
		Path: sentPath(r), Payload: body})
	if err != nil {
		return nil, err
	}
	who.ActionID = permit.ActionID
	x.action = permit.ActionID
	out, err := store.Do(ctx, s.db, func(tx *store.Tx) (any, error) {
		permit.Use(tx)
		r.Body = io.NopCloser(bytes.NewReader(body))
		return row.operation.RunSigned(x, r, who, tx)
	})
	return out, s.services.Action.Why(ctx, permit.ActionID, err)
}

// userAction returns the token of the X-DFNS-USERACTION header. There must be exactly one.
func userAction(r *http.Request) (string, error) {
	values := r.Header.Values(api.HeaderUserAction)
	if len(values) != 1 || values[0] == "" {
		return "", action.Missing()
	}
	return values[0], nil
}

// sentPath is the path of a request as it was sent, with its query.
func sentPath(r *http.Request) string {
	path := r.URL.EscapedPath()
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		path += "?" + r.URL.RawQuery
	}
	return path
}
