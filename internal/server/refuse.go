package server

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server/web"
	"github.com/countersign/countersign/internal/store"
)

// refuse answers with err, and records the refusal so that the operator can explain it.
func (s *Server) refuse(x *exchange, r *http.Request, err error) {
	e := api.AsError(err)
	x.refused = e
	if s.worthRecording(x, e) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
		defer cancel()
		if err := s.refusals.Record(ctx, s.refusal(x, r, e)); err != nil {
			s.log.Error("a refusal could not be recorded", "id", x.id, "error", err)
		}
	}
	if x.route == "" && (e.Kind == api.NotFound || e.Kind == api.MethodNotAllowed) && s.pages.Browse(x, r) {
		return // a person is not shown JSON
	}
	web.WriteError(x, e, x.id)
}

// worthRecording leaves out what the answer itself explains: a wrong address or method, a server
// that is not ready, a recovery that waits. But who asks for what is not theirs, and is known, is remembered.
func (s *Server) worthRecording(x *exchange, e *api.Error) bool {
	return x.route != "" && e.Kind != api.MethodNotAllowed && e.Kind != api.NotOffered && e.Code != codeNotReady && e.Code != api.CodeRecoveryPending &&
		(e.Kind != api.NotFound || x.caller.UserID != "")
}

func (s *Server) refusal(x *exchange, r *http.Request, e *api.Error) store.Refusal {
	refusal := store.Refusal{
		ID: x.id, At: x.received, Route: x.route, Status: web.Status(e.Kind), Code: e.Code, Message: e.Message,
		Rule: e.Rule, Received: shorten(e.Received, 500), Expected: shorten(e.Expected, 500),
		OrgID: cmp.Or(e.Subject.OrgID, x.caller.OrgID), UserID: e.Subject.UserID, CodeID: e.Subject.CodeID,
		CallerID: x.caller.UserID, ActionID: x.action,
		Address: s.address(r), UserAgent: shorten(r.UserAgent(), 200),
	}
	if e.Cause != nil {
		refusal.Cause = shorten(e.Cause.Error(), 500)
	}
	return refusal
}
