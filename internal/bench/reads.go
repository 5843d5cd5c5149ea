package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// readRow is one concurrency of reads that ask who comes and what they may.
type readRow struct {
	concurrency int
	user, bare  load // GET /auth/users/{id}, and a bare JSON answer of net/http
}

// listReport is a walk through all pages of a list of users.
type listReport struct {
	users, pages int
	all          []time.Duration // for each page, in order
	before       int64           // resident memory before the walk, and the most after it
	after        int64
}

// checkReport compares reads with few and with many permissions in the organisation.
type checkReport struct {
	few, many                 load
	fewer, more               int // permissions
	fewAssigned, manyAssigned int
}

const (
	pageSize    = 100
	readsFactor = 4 // reads are so much cheaper than registrations
	checkedAt   = 16
)

// measureReads has an administrator read.
func (d *databaseReport) measureReads(ctx context.Context, set settings, srv *server, t, bare *target, p *person) error {
	id, err := t.someUser(ctx, p)
	if err != nil {
		return err
	}
	read := func(ctx context.Context, w *worker, _ int) error { return w.read(ctx, "/auth/users/"+id, p.token, id) }
	for _, c := range set.concurrency {
		n := readsFactor * set.count(c)
		progress("%s: %d reads at concurrency %d, twice", d.kind, n, c)
		r := readRow{concurrency: c}
		for range set.rounds {
			l, err := t.run(ctx, c, n/set.rounds, read)
			if err != nil {
				return err
			}
			r.user.add(l)
			l, err = bare.run(ctx, c, n/set.rounds, func(ctx context.Context, w *worker, _ int) error { return w.read(ctx, "/json", "", "ok") })
			if err != nil {
				return err
			}
			r.bare.add(l)
		}
		d.reads = append(d.reads, r)
	}
	if err := d.measureChecks(ctx, set, srv, t, read); err != nil {
		return err
	}
	return d.measureLists(ctx, set, srv, t, p)
}

// someUser is the id of a user.
func (t *target) someUser(ctx context.Context, p *person) (string, error) {
	c := client{addr: t.process.addr, host: t.host}
	defer c.close()
	status, answer, err := c.get(ctx, "/auth/users?limit=1", p.token)
	if err != nil {
		return "", err
	}
	id, ok := member(nil, answer, `"userId":"`)
	if status != 200 || !ok {
		return "", fmt.Errorf("the list of users answered %d: %s", status, clip(answer))
	}
	return string(id), nil
}

func (w *worker) read(ctx context.Context, path, token, within string) error {
	status, answer, err := w.client.get(ctx, path, token)
	if err == nil && (status != 200 || !bytes.Contains(answer, []byte(within))) {
		err = fmt.Errorf("%s answered %d: %s", path, status, clip(answer))
	}
	return err
}

// measureChecks reads with the permissions that there are, then with a thousand and ten
// thousand assignments more.
func (d *databaseReport) measureChecks(ctx context.Context, set settings, srv *server, t *target, read func(context.Context, *worker, int) error) error {
	const permissions, assignments = 1000, 10000
	n := readsFactor * set.count(checkedAt)
	c := &d.checks
	count := func() (p, a int, err error) {
		if p, err = countRows(ctx, srv.database, "permissions"); err == nil {
			a, err = countRows(ctx, srv.database, "permission_assignments")
		}
		return p, a, err
	}
	var err error
	if c.fewer, c.fewAssigned, err = count(); err != nil {
		return err
	}
	progress("%s: %d reads with few and with %d permissions", d.kind, n, permissions)
	if c.few, err = t.run(ctx, checkedAt, n, read); err != nil {
		return err
	}
	err = execute(ctx, srv.database,
		numbers(permissions)+`INSERT INTO permissions (id, org_id, name, name_key, operations, managed, version, created_at, updated_at)
			SELECT 'pm-00000-00000-' || (1000000000000000 + i), '`+srv.orgID+`', 'p' || i, 'p' || i, '["Auth:Users:Read"]', '', 1, 1, 1 FROM n`,
		numbers(assignments)+`INSERT INTO permission_assignments (id, org_id, permission_id, identity_id, created_at)
			SELECT 'as-00000-00000-' || (1000000000000000 + i), '`+srv.orgID+`', 'pm-00000-00000-' || (1000000000000001 + i % `+fmt.Sprint(permissions)+`),
				'us-00000-00000-' || (1000000000000000 + i), 1 FROM n`)
	if err != nil {
		return err
	}
	if c.more, c.manyAssigned, err = count(); err != nil {
		return err
	}
	c.many, err = t.run(ctx, checkedAt, n, read)
	return err
}

// numbers begins a statement that reads the numbers from 1 to n as column i of table n.
func numbers(n int) string {
	return fmt.Sprintf("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", n)
}

// measureLists fills the organisation with end users, each with the permission that end
// users have, and walks through all pages of the list.
func (d *databaseReport) measureLists(ctx context.Context, set settings, srv *server, t *target, p *person) error {
	l := &d.lists
	progress("%s: storing %d users", d.kind, set.many)
	endUsers := "pm" + srv.orgID[2:len(srv.orgID)-1] + "v"
	err := execute(ctx, srv.database,
		numbers(set.many)+`INSERT INTO users (id, org_id, username, username_key, kind, active, external_id, created_at, registered_at)
			SELECT 'us-00000-00000-' || (1000000000000000 + i), '`+srv.orgID+`', 'many-' || i, 'many-' || i, 'EndUser', 1, '', 1, 1 FROM n`,
		numbers(set.many)+`INSERT INTO permission_assignments (id, org_id, permission_id, identity_id, created_at)
			SELECT 'as-00000-00001-' || (1000000000000000 + i), '`+srv.orgID+`', '`+endUsers+`', 'us-00000-00000-' || (1000000000000000 + i), 1 FROM n`,
		"ANALYZE")
	if err != nil {
		return err
	}
	if l.before, _, err = t.process.memory(); err != nil {
		return err
	}
	progress("%s: walking through the list", d.kind)
	c := client{addr: t.process.addr, host: t.host}
	defer c.close()
	for path, token := fmt.Sprintf("/auth/users?limit=%d", pageSize), []byte(nil); ; {
		begun := time.Now()
		status, answer, err := c.get(ctx, path+string(token), p.token)
		if err != nil {
			return err
		}
		l.all = append(l.all, time.Since(begun))
		if status != 200 {
			return fmt.Errorf("page %d answered %d: %s", len(l.all), status, clip(answer))
		}
		l.users += bytes.Count(answer, []byte(`"userId":"us-`))
		next, more := member(nil, answer, `"nextPageToken":"`)
		if !more {
			break
		}
		token = append([]byte("&paginationToken="), next...)
	}
	l.pages = len(l.all)
	if stored, err := countRows(ctx, srv.database, "users"); err != nil || stored != l.users {
		return errors.Join(fmt.Errorf("the list has %d users and the database %d", l.users, stored), err)
	}
	_, l.after, err = t.process.memory()
	return err
}

func (d databaseReport) writeReads(b *bytes.Buffer) {
	b.WriteString("| clients | | per second | p50 ms | p99 ms | server CPU ms each | of a bare answer |\n")
	b.WriteString("|--:|:--|--:|--:|--:|--:|--:|\n")
	for _, r := range d.reads {
		writeLoad(b, r.concurrency, "`GET /auth/users/{userId}`", r.user, fmt.Sprintf("%.0f %%", 100*r.user.rate()/r.bare.rate()))
		writeLoad(b, r.concurrency, "bare JSON answer of net/http", r.bare, "")
	}
	c := d.checks
	fmt.Fprintf(b, "\nThe same read with %d permissions and %d assignments: %.3f ms of server CPU; with %d and %d: %.3f ms.\n", c.fewer, c.fewAssigned,
		c.few.cpuMillis(), c.more, c.manyAssigned, c.many.cpuMillis())
	l := d.lists
	part := max(l.pages/100, 1)
	fmt.Fprintf(b, "\nA list of %d users in pages of %d, one client:\n\n| pages | p50 ms | p99 ms |\n|:--|--:|--:|\n", l.users, pageSize)
	for _, x := range []struct {
		name  string
		pages []time.Duration
	}{{fmt.Sprintf("the first %d", part), l.all[:part]}, {fmt.Sprintf("the last %d", part), l.all[l.pages-part:]}, {fmt.Sprintf("all %d", l.pages), l.all}} {
		fmt.Fprintf(b, "| %s | %.2f | %.2f |\n", x.name, millis(percentileOf(x.pages, 0.5)), millis(percentileOf(x.pages, 0.99)))
	}
	fmt.Fprintf(b, "\nResident memory before the walk %s, the most until its end %s.\n", megabytes(l.before), megabytes(l.after))
}
