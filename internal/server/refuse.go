package server

import (
	"context"
	"net/http"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server/web"
	"github.com/countersign/countersign/internal/store"
)

// refuse answers err, and keeps the refusal so that the operator can explain it.
func (s *Server) refuse(v *exchange, r *http.Request, err error) {
	e := api.AsError(err)
	v.refused = e
	if s.worthKeeping(v, e) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
		defer cancel()
		if err := s.refusals.Keep(ctx, s.refusal(v, r, e)); err != nil {
			s.log.Error("a refusal could not be kept", "id", v.id, "error", err)
		}
	}
	web.WriteError(v, e, v.id)
}

// worthKeeping leaves out what the answer itself explains: a wrong address or method. But
// who asks for what is not theirs, and is known, is remembered.
func (s *Server) worthKeeping(v *exchange, e *api.Error) bool {
	return v.route != "" && e.Kind != api.MethodNotAllowed && e.Kind != api.NotOffered &&
		(e.Kind != api.NotFound || v.caller.UserID != "")
}

func (s *Server) refusal(v *exchange, r *http.Request, e *api.Error) store.Refusal {
	kept := store.Refusal{
		ID: v.id, At: v.came, Route: v.route, Status: web.Status(e.Kind), Code: e.Code, Message: e.Message,
		Rule: e.Rule, Received: shorten(e.Received, 500), Expected: shorten(e.Expected, 500),
		OrgID: e.Subject.OrgID, UserID: e.Subject.UserID, CodeID: e.Subject.CodeID,
		CallerID: v.caller.UserID, ActionID: v.action,
		Address: s.address(r), UserAgent: shorten(r.UserAgent(), 200),
	}
	if kept.OrgID == "" {
		kept.OrgID = v.caller.OrgID
	}
	if e.Cause != nil {
		kept.Cause = shorten(e.Cause.Error(), 500)
	}
	return kept
}
