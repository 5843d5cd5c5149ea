package login

import (
	"context"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/store"
)

// Logout ends the caller's session, or all of their sessions.
func (s *Service) Logout(ctx context.Context, who api.Caller, in api.LogoutRequest) (api.Message, error) {
	now := s.Now()
	event := store.NewEvent(who, store.EventUserLoggedOut, now, map[string]any{"sessionId": who.SessionID, "allSessions": in.AllSessions})
	event.UserID = who.UserID
	err := s.DB.Write(ctx, func(tx *store.Tx) error {
		if in.AllSessions {
			tx.LogOut(who.UserID, now)
		} else {
			tx.EndSession(who.SessionID, who.UserID, now, errEnded)
		}
		tx.Record(event)
		return nil
	})
	message := "The session has ended."
	if in.AllSessions {
		message = "All sessions have ended."
	}
	return api.Message{Message: message}, err
}

// errEnded is returned if the session ended after the request was authenticated.
var errEnded = auth.TokenEnded("one that has ended")
