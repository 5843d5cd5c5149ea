package application_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/contract"
	"github.com/countersign/countersign/internal/testing/world"
)

const appsPath = "/auth/apps"

// registry is an administrator who registers applications as old SDKs do. Every answer is checked
// against the contract.
type registry struct{ *client.Session }

func newRegistry(t *testing.T, srv *countersigntest.Server, orgName string) (r registry, orgID string) {
	t.Helper()
	c := &client.Client{BaseURL: srv.URL, HTTP: &http.Client{Transport: contract.Transport(t, srv.HTTP().Transport)}}
	org, root := srv.Administrator(t, orgName)
	return registry{c.Session(root.LogIn(t), root.Signer())}, org.ID
}

func (r registry) change(method, path string, in any) (a api.Application, err error) {
	err = r.DoSigned(context.Background(), method, appsPath+path, in, &a)
	return a, err
}

func (r registry) make(t *testing.T, in api.CreateApplicationRequest) api.Application {
	t.Helper()
	a, err := r.change(http.MethodPost, "", in)
	must(t, err)
	return a
}

func (r registry) get(id string) (a api.Application, err error) {
	err = r.Do(context.Background(), http.MethodGet, appsPath+"/"+id, nil, &a)
	return a, err
}

func (r registry) list(t *testing.T) []api.Application {
	t.Helper()
	var list api.ApplicationList
	must(t, r.Do(context.Background(), http.MethodGet, appsPath, nil, &list))
	return list.Items
}

// An application is created, shown, renamed, deactivated, activated and archived. Its name is
// unique in the organisation until it is archived.
func TestApplicationsOfOldSDKs(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		r, orgID := newRegistry(t, srv, "Engines")
		days := 30
		web := r.make(t, api.CreateApplicationRequest{Name: "Web", Kind: api.ClientSideApplication, RelyingPartyID: "example.org",
			Origin: "https://app.example.org", ExternalID: "e", PublicKey: "ignored", PermissionID: api.EndUserPermissionID(orgID)})
		if !api.ValidID(api.PrefixApplication, web.AppID) || web.Kind != api.ClientSideApplication || web.OrgID != orgID || web.Name != "Web" ||
			!web.IsActive || web.ExpectedRPID != "example.org" || web.ExpectedOrigin != "https://app.example.org" ||
			len(web.PermissionAssignments) != 1 || web.PermissionAssignments[0].PermissionID != api.EndUserPermissionID(orgID) {
			t.Errorf("made %+v", web)
		}
		backend := r.make(t, api.CreateApplicationRequest{Name: "Backend", Kind: api.ServerSideApplication, DaysValid: &days,
			PublicKey: authenticator.NewKeySigner("P-256").PEM})
		if got := r.list(t); !reflect.DeepEqual(got, []api.Application{web, backend}) {
			t.Errorf("listed %+v", got)
		}
		if got, err := r.get(web.AppID); err != nil || !reflect.DeepEqual(got, web) {
			t.Errorf("shown %+v, %v", got, err)
		}
		_, err := r.change(http.MethodPost, "", api.CreateApplicationRequest{Name: "WEB", Kind: api.ClientSideApplication})
		world.Refused(t, "a taken name", err, 409, "application_name_taken")
		_, err = r.change(http.MethodPost, "/"+backend.AppID, map[string]string{"name": "web"})
		world.Refused(t, "renaming to a taken name", err, 409, "application_name_taken")
		_, err = r.change(http.MethodPost, "/"+web.AppID, map[string]any{"kind": api.ServerSideApplication})
		world.Refused(t, "changing what stays", err, 400, "member_unknown")

		for _, step := range []struct {
			method, path string
			in           any
			name         string
			active       bool
		}{
			{http.MethodPost, "", map[string]string{"name": "Site"}, "Site", true},
			{http.MethodPost, "", map[string]string{"externalId": "f"}, "Site", true},
			{http.MethodPut, "/deactivate", api.Nothing{}, "Site", false},
			{http.MethodPut, "/deactivate", nil, "Site", false},
			{http.MethodPut, "/activate", nil, "Site", true},
			{http.MethodDelete, "", nil, "Site", false},
		} {
			got, err := r.change(step.method, "/"+web.AppID+step.path, step.in)
			must(t, err)
			kept, err := r.get(web.AppID)
			must(t, err)
			if got.Name != step.name || got.IsActive != step.active || !reflect.DeepEqual(got, kept) {
				t.Errorf("%s %s answered %+v and shows %+v", step.method, step.path, got, kept)
			}
		}
		for _, path := range []string{"", "/activate", "/deactivate"} {
			method := http.MethodPut
			if path == "" {
				method = http.MethodPost
			}
			_, err := r.change(method, "/"+web.AppID+path, api.Nothing{})
			world.Refused(t, path+" of an archived one", err, 404, "application_not_found")
		}
		_, err = r.change(http.MethodDelete, "/"+web.AppID, nil)
		world.Refused(t, "archiving it again", err, 404, "application_not_found")
		if got := r.list(t); len(got) != 1 || got[0].AppID != backend.AppID {
			t.Errorf("listed %+v", got)
		}
		r.make(t, api.CreateApplicationRequest{Name: "site", Kind: api.ClientSideApplication})
	})
}

// Another organisation's application is not found, and its names are free.
func TestApplicationsAreOneOrganisations(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		ours, orgID := newRegistry(t, srv, "Ours")
		theirs, _ := newRegistry(t, srv, "Theirs")
		a := ours.make(t, api.CreateApplicationRequest{Name: "Web", Kind: api.ClientSideApplication})
		theirs.make(t, api.CreateApplicationRequest{Name: "Web", Kind: api.ClientSideApplication})
		_, err := theirs.get(a.AppID)
		world.Refused(t, "a foreign one", err, 404, "application_not_found")
		if !strings.Contains(err.Error(), "application not found") {
			t.Errorf("refused with %v", err)
		}
		for _, c := range []struct{ method, path string }{{"POST", ""}, {"DELETE", ""}, {"PUT", "/activate"}, {"PUT", "/deactivate"}} {
			_, err := theirs.change(c.method, "/"+a.AppID+c.path, api.Nothing{})
			world.Refused(t, c.method+c.path+" of a foreign one", err, 404, "application_not_found")
		}
		_, err = theirs.change(http.MethodPost, "", api.CreateApplicationRequest{Name: "x", Kind: api.ClientSideApplication, PermissionID: api.EndUserPermissionID(orgID)})
		world.Refused(t, "a foreign permission", err, 404, "permission_not_found")
		if got, err := ours.get(a.AppID); err != nil || !reflect.DeepEqual(got, a) || len(theirs.list(t)) != 1 {
			t.Errorf("theirs are %+v, and ours is %+v, %v", theirs.list(t), got, err)
		}
	})
}

// A caller who may register applications cannot give them a permission that the caller may not
// assign.
func TestApplicationsGetNoMoreThanTheirMakerGives(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		r, orgID := newRegistry(t, srv, "Engines")
		maker := srv.Permission(t, orgID, "maker", "Auth:Apps:Create")
		giver := srv.Permission(t, orgID, "giver", "Auth:Apps:Create", "Permissions:Assign")
		id, serviceAccount := srv.ServiceAccount(t, orgID, "machine", maker)
		as := registry{serviceAccount}
		_, err := as.change(http.MethodPost, "", api.CreateApplicationRequest{Name: "a", Kind: api.ClientSideApplication, PermissionID: maker})
		world.Refused(t, "without the permission to assign", err, 403, "permission_denied")
		srv.Grant(t, orgID, giver, id)
		srv.Access.Changed()
		a, err := as.change(http.MethodPost, "", api.CreateApplicationRequest{Name: "a", Kind: api.ClientSideApplication, PermissionID: maker})
		if err != nil || len(a.PermissionAssignments) != 1 || a.PermissionAssignments[0].PermissionName != "maker" {
			t.Errorf("made %+v, %v", a, err)
		}
		for _, more := range []string{api.AdministratorPermissionID(orgID), api.EndUserPermissionID(orgID)} {
			_, err = as.change(http.MethodPost, "", api.CreateApplicationRequest{Name: "b", Kind: api.ClientSideApplication, PermissionID: more})
			world.Refused(t, "what the maker has not", err, 403, "permission_denied")
		}
		if all := r.list(t); len(all) != 1 {
			t.Errorf("listed %+v", all)
		}
	})
}
