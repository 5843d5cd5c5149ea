package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/countersign/countersign/action"
	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/assertion"
	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/store"
)

// serve adapts a row of the table: who asks, whether they may, whether they signed it,
// and then the operation.
func (s *Server) serve(row route) http.Handler {
	own := row.access == hosted || row.access == hostedSession
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := w.(*visit)
		v.route = row.pattern
		if !own {
			crossOrigin(v.Header())
		} else if err := s.ownPage(r); err != nil {
			s.refuse(v, r, err)
			return
		}
		out, err := s.run(row, v, r)
		if err == nil && out != nil {
			err = web.Encode(v, http.StatusOK, out)
		}
		if err != nil {
			s.refuse(v, r, err)
		}
	})
}

func (s *Server) run(row route, v *visit, r *http.Request) (any, error) {
	who := api.Caller{RequestID: v.id, Address: s.address(r), UserAgent: shorten(r.UserAgent(), 200)}
	switch row.access {
	case ticketed, hosted:
		who.Bearer = bearerToken(r)
	case session, hostedSession:
		var err error
		if who, err = s.identify(r, who); err != nil {
			return nil, err
		}
		v.user = who.UserID
	}
	if row.permission != "" && !who.Administrator {
		return nil, &api.Error{Kind: api.Forbidden, Code: "permission_denied",
			Message: "You do not have the permission " + row.permission + ".",
			Rule:    "permission of the operation", Received: "a user without it", Expected: row.permission,
			Subject: api.Subject{OrgID: who.OrgID, UserID: who.UserID}}
	}
	if row.signing == signed {
		return s.runSigned(row, v, r, who)
	}
	return row.operation.Run(v, r, who)
}

// identify finds out who is logged in. The token says who it was made for; whether that
// still holds is read from the store at every call.
func (s *Server) identify(r *http.Request, who api.Caller) (api.Caller, error) {
	ctx, cancel := web.Lasting(r)
	defer cancel()
	t, err := s.tokens.ReadSession(ctx, bearerToken(r))
	if err != nil {
		return who, err
	}
	b, err := s.db.Bearer(ctx, t.ID)
	if err != nil {
		return who, err
	}
	subject := api.Subject{OrgID: t.OrgID, UserID: t.UserID}
	switch {
	case !b.Found || b.Session.UserID != t.UserID || b.Session.OrgID != t.OrgID:
		return who, ended("no such session", subject)
	case !b.User.Active:
		e := *assertion.ErrUserInactive
		e.Subject = subject
		return who, &e
	case !b.Session.Live(s.now()):
		return who, ended("one that has ended", subject)
	}
	who.OrgID, who.UserID, who.SessionID = t.OrgID, t.UserID, t.ID
	who.Username, who.Administrator = b.User.Username, b.User.Administrator
	return who, nil
}

func ended(received string, subject api.Subject) error {
	return &api.Error{Kind: api.Unauthenticated, Code: "token_invalid", Message: "user token is missing or invalid",
		Rule: "bearer token: the session is live", Received: received, Subject: subject}
}

// runSigned runs an operation that its caller must have signed. The operation's first
// write spends the signature, so that there is one effect however often it is sent; one
// that turns out to have nothing to write spends it all the same.
func (s *Server) runSigned(row route, v *visit, r *http.Request, who api.Caller) (any, error) {
	var body bytes.Buffer
	if err := web.ReadBody(v, r, &body); err != nil {
		return nil, err
	}
	token, err := userAction(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := web.Lasting(r)
	defer cancel()
	ctx, rider, err := s.rooms.Action.Permit(ctx, who, action.Use{Token: token, Method: r.Method,
		Path: sentPath(r), Payload: body.Bytes()})
	if err != nil {
		return nil, err
	}
	who.ActionID = rider.ActionID
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
	out, err := row.operation.Run(v, r, who)
	if err == nil && !rider.Done() {
		err = s.db.Write(ctx, func(*store.Tx) error { return nil })
	}
	if errors.Is(err, action.ErrNotUsable) {
		err = s.rooms.Action.Why(ctx, rider.ActionID, err)
	}
	return out, err
}

// userAction returns the token of the X-DFNS-USERACTION header, of which there must be
// one.
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
