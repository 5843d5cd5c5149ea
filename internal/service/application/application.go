// Package application administers applications, which older SDKs register. They are stored and shown
// and have no effect: the headers that name one are accepted and ignored.
package application

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/auth/accesstoken"
	"github.com/countersign/countersign/internal/auth/resource"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/username"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// Service administers applications.
type Service struct {
	DB     *store.DB
	Access *access.Checker
	Now    func() time.Time
}

var (
	errName     = &api.Error{Kind: api.Conflict, Code: "application_name_taken", Message: "This organisation has an application of that name, or of one that looks the same."}
	errNotFound = &api.Error{Kind: api.NotFound, Code: "application_not_found", Message: "application not found"}
)

// List lists the applications of the caller's organisation.
func (s *Service) List(ctx context.Context, who api.Caller, _ api.Nothing) (api.ApplicationList, error) {
	all, err := s.DB.Applications(ctx, who.OrgID)
	if err != nil {
		return api.ApplicationList{}, err
	}
	list := api.ApplicationList{Items: make([]api.Application, 0, len(all))}
	for _, a := range all { // few: only old SDKs create them
		held, err := s.DB.Held(ctx, a.ID, "")
		if err != nil {
			return api.ApplicationList{}, err
		}
		list.Items = append(list.Items, shown(a, held))
	}
	return list, nil
}

// Get shows an application, archived or not.
func (s *Service) Get(ctx context.Context, who api.Caller, in api.ApplicationRequest) (api.Application, error) {
	a, err := s.find(ctx, who, in.AppID)
	if err != nil {
		return api.Application{}, err
	}
	return s.show(ctx, a)
}

// Create registers an application.
func (s *Service) Create(ctx context.Context, tx *store.Tx, who api.Caller, in api.CreateApplicationRequest) (api.Application, error) {
	a, err := s.validate(who, in)
	if err != nil {
		return api.Application{}, err
	}
	var assignments []store.HeldPermission
	if in.PermissionID != "" {
		p, err := s.Access.Grant(ctx, tx, who, in.PermissionID, "Permissions:Assign", "Auth:Apps:Create")
		if err != nil {
			return api.Application{}, err
		}
		assignments = []store.HeldPermission{access.Held(p, a.ID, a.CreatedAt)}
	}
	tx.CreateApplication(a, errName)
	access.Assign(tx, who, assignments, "", a.CreatedAt)
	tx.Record(event(who, store.EventApplicationCreated, a, a.CreatedAt))
	return shown(a, assignments), nil
}

// validate returns the application that a request asks for.
func (s *Service) validate(who api.Caller, in api.CreateApplicationRequest) (store.Application, error) {
	if err := check(in); err != nil {
		return store.Application{}, err
	}
	now := s.Now()
	a := store.Application{ID: api.NewID(api.PrefixApplication, now), OrgID: who.OrgID, Kind: in.Kind, Name: in.Name,
		NameKey: username.Key(in.Name), RPID: in.RelyingPartyID, Origin: in.Origin, ExternalID: in.ExternalID, Active: true, CreatedAt: now}
	if in.Kind == api.ServerSideApplication {
		key, err := publickey.ParseMember(in.PublicKey)
		if err != nil {
			return a, err
		}
		a.CredentialID, a.PublicKey = api.NewID(api.PrefixCredential, now), key.SPKI()
	}
	return a, nil
}

func check(in api.CreateApplicationRequest) error {
	if err := username.CheckLabel("name", in.Name); err != nil {
		return err
	}
	if err := username.CheckExternalID(in.ExternalID); err != nil {
		return err
	}
	if err := checkText("relyingPartyId", in.RelyingPartyID); err != nil {
		return err
	}
	if err := checkText("origin", in.Origin); err != nil {
		return err
	}
	switch {
	case in.Kind == "":
		return api.Missing("kind")
	case in.Kind != api.ServerSideApplication && in.Kind != api.ClientSideApplication:
		return &api.Error{Kind: api.Invalid, Code: "application_kind_invalid",
			Message: "The member /kind must be ServerSideApplication or ClientSideApplication."}
	}
	_, err := accesstoken.Lifetime(in.DaysValid, nil)
	return err
}

const maxText = 300

// checkText refuses a text that is too long or not visible. It has no effect, so it need not be a
// domain or an origin.
func checkText(member, text string) error {
	if username.Visible(text, maxText) {
		return nil
	}
	return &api.Error{Kind: api.Invalid, Code: "text_invalid", Message: "The member /" + member + " must be at most 300 visible characters."}
}

// Update renames an application.
func (s *Service) Update(ctx context.Context, tx *store.Tx, who api.Caller, in api.UpdateApplicationRequest) (api.Application, error) {
	if err := username.CheckRename(in.Rename); err != nil {
		return api.Application{}, err
	}
	return s.change(ctx, tx, who, in.AppID, store.EventApplicationUpdated, func(a *store.Application, _ time.Time) {
		name := "" // unchanged
		if in.Name != nil {
			name, a.Name = *in.Name, *in.Name
		}
		tx.RenameApplication(a.ID, a.OrgID, name, username.Key(name), in.ExternalID, errName, errNotFound)
	})
}

// Archive removes an application permanently. Its name is free again.
func (s *Service) Archive(ctx context.Context, tx *store.Tx, who api.Caller, in api.ApplicationRequest) (api.Application, error) {
	return s.change(ctx, tx, who, in.AppID, store.EventApplicationArchived, func(a *store.Application, now time.Time) {
		tx.ArchiveApplication(a.ID, a.OrgID, now, errNotFound)
		a.Active = false
	})
}

// Activate activates a deactivated application.
func (s *Service) Activate(ctx context.Context, tx *store.Tx, who api.Caller, in api.ApplicationRequest) (api.Application, error) {
	return s.setActive(ctx, tx, who, in.AppID, store.EventApplicationActivated, true)
}

// Deactivate deactivates an application.
func (s *Service) Deactivate(ctx context.Context, tx *store.Tx, who api.Caller, in api.ApplicationRequest) (api.Application, error) {
	return s.setActive(ctx, tx, who, in.AppID, store.EventApplicationDeactivated, false)
}

func (s *Service) setActive(ctx context.Context, tx *store.Tx, who api.Caller, id, kind string, active bool) (api.Application, error) {
	return s.change(ctx, tx, who, id, kind, func(a *store.Application, _ time.Time) {
		tx.SetApplicationActive(a.ID, a.OrgID, active, errNotFound)
		a.Active = active
	})
}

func (s *Service) change(ctx context.Context, tx *store.Tx, who api.Caller, id, kind string, do func(*store.Application, time.Time)) (api.Application, error) {
	r := resource.Resource[store.Application, api.Application]{Find: s.find, Gone: errNotFound, Show: s.show, Event: event, Now: s.Now}
	return r.Change(ctx, tx, who, id, kind, do)
}

func (s *Service) find(ctx context.Context, who api.Caller, id string) (store.Application, error) {
	return s.DB.Application(ctx, who.OrgID, id)
}

func (s *Service) show(ctx context.Context, a store.Application) (api.Application, error) {
	held, err := s.DB.Held(ctx, a.ID, "")
	return shown(a, held), err
}

func event(who api.Caller, kind string, a store.Application, now time.Time) store.Event {
	return store.NewEvent(who, kind, now, map[string]any{"applicationId": a.ID, "name": a.Name})
}

// shown lists no access token. In the contract an application has one, with the user whom it belongs
// to. Here nothing accepts such a token, so none is created, and an application belongs to nobody.
func shown(a store.Application, held []store.HeldPermission) api.Application {
	return api.Application{AppID: a.ID, Kind: a.Kind, OrgID: a.OrgID, ExpectedRPID: a.RPID, Name: a.Name, IsActive: a.Active,
		ExpectedOrigin: a.Origin, PermissionAssignments: access.Summaries(held), AccessTokens: []api.AccessToken{}}
}
