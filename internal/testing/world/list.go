package world

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/countersign/countersign/api"
)

// Page is a page of any list.
type Page struct {
	Items         []struct{ ID, UserID, Username string } `json:"items"`
	NextPageToken string                                  `json:"nextPageToken"`
}

// ReadPage reads a page.
func (n *Tenant) ReadPage(t testing.TB, path string, query url.Values) (p Page) {
	t.Helper()
	a := n.Call(t, "GET", path+"?"+query.Encode(), n.Admin.Token, "", "")
	a.Wants(t, path+"?"+query.Encode(), 200, "")
	Must(t, json.Unmarshal([]byte(a.Body), &p))
	return p
}

// ReadAll turns pages to the end and returns what names each row.
func (n *Tenant) ReadAll(t testing.TB, path string, query url.Values) (all []string) {
	t.Helper()
	for {
		p := n.ReadPage(t, path, query)
		for _, i := range p.Items {
			all = append(all, i.ID+i.UserID)
		}
		if p.NextPageToken == "" {
			return all
		}
		query.Set("paginationToken", p.NextPageToken)
	}
}

// ListPeople is the page of people that a query asks for.
func (n *Tenant) ListPeople(t testing.TB, query url.Values) (list api.PeopleList) {
	t.Helper()
	a := n.Call(t, "GET", "/countersign/people"+"?"+query.Encode(), n.Admin.Token, "", "")
	a.Wants(t, query.Encode(), 200, "")
	Must(t, json.Unmarshal([]byte(a.Body), &list))
	return list
}

// PersonNamed is somebody in the list of people.
func (n *Tenant) PersonNamed(t testing.TB, name string) api.Person {
	t.Helper()
	for _, p := range n.ListPeople(t, url.Values{"name": {name}}).Items {
		if p.Username == name {
			return p
		}
	}
	t.Fatalf("%s is not listed", name)
	return api.Person{}
}
