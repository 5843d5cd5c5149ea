package acceptance_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/registration"
)

var printedLink = regexp.MustCompile(`https?://\S+/register#\S+`)

// printed waits for the first administrator's link on the server's standard output.
func (n *node) printed() invitation {
	n.installation.Helper()
	var link string
	eventually(n.installation, 5*time.Second, "a link is printed", func() bool {
		link = printedLink.FindString(n.Stdout())
		return link != ""
	})
	return invitationOf(n.installation, link)
}

// An empty database has nobody who could invite anybody. The server prints one link,
// the same after every restart until it is used, and twenty people who follow it at
// once make one administrator.
func TestFirstAdministrator(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		n := h.serve("--organisation", "Engines & Sons", "--administrator", "root@example.org")
		link := n.printed()
		if link.Username != "root@example.org" {
			h.Errorf("the link is for %q", link.Username)
		}
		begun := n.mustBegin(link)
		for _, end := range []func(){func() { n.stop() }, func() { n.Kill() }} {
			end()
			n.restart()
			if again := n.printed(); again != link {
				h.Errorf("restarted, the server prints %+v, at first %+v", again, link)
			}
		}

		all := []attempt{begun}
		for range 19 {
			all = append(all, n.mustBegin(link))
		}
		results, errs := race([]*node{n, n.another()}, all)
		winner := results[onlyWinner(h, results, errs)]
		h.look().want(1)
		users := read[struct {
			Items []struct {
				UserID, Username, State string
				Administrator           bool
				Credentials             int
			}
		}](h, h.do("user", "list", "--org", link.OrgID, "--json")).Items
		if len(users) != 1 || !users[0].Administrator || users[0].State != "registered" || users[0].Credentials != 1 ||
			users[0].UserID != winner.User.ID {
			h.Errorf("the users are %+v, the winner %+v", users, winner)
		}
		if n := h.look().count(`SELECT COUNT(*) FROM organisations WHERE name = 'Engines & Sons'`); n != 1 {
			h.Errorf("%d organisations of that name", n)
		}

		// Once there is an administrator there is no way to make another by a restart.
		n.stop()
		n.restart()
		n.stop()
		if link := printedLink.FindString(n.Stdout()); link != "" {
			h.Errorf("registered, and yet the server prints %s", link)
		}
	})
}

// Servers that start at once on one empty database are one service: they print the same
// link, and there is one organisation with one user.
func TestServersThatStartTogetherPrintOneLink(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		countersigntest.Binary(h) // so that building it does not come between them
		const servers = 4
		origin := "http://localhost:" + countersigntest.FreePort(h)
		nodes := make([]*node, servers)
		together(servers, func(i int) { nodes[i] = h.serve("--public-url", origin) })
		links := map[invitation]int{}
		for _, n := range nodes {
			if n == nil {
				h.Fatal("a server did not start")
			}
			links[n.printed()]++
		}
		if len(links) != 1 {
			h.Fatalf("the servers print %v", links)
		}
		for _, table := range []string{"organisations", "users", "registration_codes"} {
			if n := h.look().count(`SELECT COUNT(*) FROM ` + table); n != 1 {
				h.Errorf("%d rows in %s, want 1", n, table)
			}
		}
		for link := range links {
			for _, n := range nodes {
				n.origin = origin
			}
			a := nodes[0].mustBegin(link)
			_, err := nodes[1].complete(a)
			must(h, err)
		}
		h.look().want(1)
	})
}

// Who has made an organisation by hand invites its users by hand.
func TestNoLinkOnADatabaseInUse(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		h.organisation()
		n := h.serve()
		n.stop()
		if link := printedLink.FindString(n.Stdout()); link != "" {
			h.Errorf("the server prints %s", link)
		}
		if n := h.look().count(`SELECT COUNT(*) FROM users`); n != 0 {
			h.Errorf("%d users were made", n)
		}
	})
}

// An administrator who let the first link expire gets a fresh one at the next start, and
// the old one is void.
func TestFirstLinkIsRenewedOnceExpired(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		clock := &countersigntest.Clock{}
		srv := countersigntest.Start(h, countersigntest.Database(h.database), countersigntest.At(clock))
		who := registration.FirstAdministrator{Organisation: "Engines", Username: "admin"}
		var links []string
		for _, later := range []time.Duration{0, 23 * time.Hour, 2 * time.Hour, time.Hour} {
			clock.Advance(later)
			link, err := srv.Registration.First(h.Context(), who)
			must(h, err)
			links = append(links, link)
		}
		if links[0] == "" || links[1] != links[0] || links[2] == links[0] || links[2] == "" || links[3] != links[2] {
			h.Fatalf("at start, after 23, 25 and 26 hours: %q", links)
		}
		n := &node{installation: h, origin: srv.URL, client: srv.Client()}
		n.client.HTTP = httpClient(h)
		if _, err := n.begin(invitationOf(h, links[0])); err == nil {
			h.Error("the expired link still opens")
		}
		n.register(invitationOf(h, links[2]))
		h.look().want(1)
		link, err := srv.Registration.First(h.Context(), who)
		if must(h, err); link != "" {
			h.Errorf("registered, and yet there is the link %q", link)
		}
	})
}
