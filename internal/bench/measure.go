package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"
)

// report is everything a run found out.
type report struct {
	set           settings
	binarySize    int64
	verifications float64 // ES256 per second and core
	syncs         float64 // durable page writes per second
	databases     []databaseReport
	scales        []scaleReport
}

// databaseReport is what was found on one database.
type databaseReport struct {
	kind          string
	invitations   int
	inviting      time.Duration
	coldStart     time.Duration
	idle, floorAt int64 // resident bytes after the start, Countersign and floor
	loaded        int64 // the most resident memory there ever was
	floorLoaded   int64
	rows          []row
	signed        []signedRow
	reads         []readRow
	lists         listReport
	checks        checkReport
}

// signedRow is what registered people do, at one concurrency.
type signedRow struct {
	concurrency               int
	logins, calls             load
	loginsBefore, callsBefore load // of the binary to compare with
}

// row compares one concurrency.
type row struct {
	concurrency                int
	random                     bool // people register in random order, not as they were invited
	countersign, before, floor load
	raw                        float64 // registrations stored per second without HTTP
}

// settle is how long a started server is left alone before its idle memory is read.
const settle = time.Second

func measure(ctx context.Context, set settings, out io.Writer) error {
	binary, err := buildBinary(ctx, set)
	if err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	holdToOneCore()
	r := report{set: set, binarySize: info.Size()}
	progress("the machine's own limits")
	if r.verifications, err = verificationsPerSecond(); err != nil {
		return err
	}
	if r.syncs, err = syncsPerSecond(set.work); err != nil {
		return err
	}
	for _, kind := range set.databases {
		d, err := measureDatabase(ctx, set, binary, kind)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		r.databases = append(r.databases, d)
	}
	if set.scale > 0 {
		for _, kind := range set.databases {
			s, err := measureScale(ctx, set, binary, kind)
			if err != nil {
				return fmt.Errorf("%s with %d users: %w", kind, set.scale, err)
			}
			r.scales = append(r.scales, s)
		}
	}
	return r.write(out)
}

// progress tells who waits what is going on; the report alone goes to stdout.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

func measureDatabase(ctx context.Context, set settings, binary, kind string) (d databaseReport, err error) {
	d = databaseReport{kind: kind, invitations: max(set.invitations, set.total())}
	var all []contender
	binaries := []string{binary}
	if set.before != "" {
		binaries = append(binaries, set.before)
	}
	for i, binary := range binaries {
		var c contender
		database, drop, failed := newDatabase(ctx, set, kind, fmt.Sprintf("countersign%d", i))
		if failed != nil {
			return d, failed
		}
		defer func() { err = errors.Join(err, drop()) }()
		if c.server, err = newServer(ctx, set, binary, database); err != nil {
			return d, err
		}
		progress("%s: inviting %d users", kind, d.invitations)
		var took time.Duration
		if c.invitations, took, err = c.server.invite(ctx, d.invitations, "user"); err != nil {
			return d, err
		}
		if i == 0 {
			d.inviting = took
			if d.coldStart, err = c.server.coldStart(ctx); err != nil {
				return d, err
			}
		}
		all = append(all, c)
	}
	theirs, dropTheirs, err := newDatabase(ctx, set, kind, "floor")
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, dropTheirs()) }()
	return d, d.compare(ctx, set, all, theirs)
}

// contender is a binary with a database of its own.
type contender struct {
	server      *server
	invitations []invitation
	target      *target
}

// compare runs all servers and lets them take turns, so that what else the machine does falls on
// each.
func (d *databaseReport) compare(ctx context.Context, set settings, all []contender, floorDatabase string) (err error) {
	bare, err := newFloor(ctx, set, floorDatabase, d.invitations)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.process.stop()) }()
	targets := []*target{bare}
	for i := range all {
		t, failed := all[i].server.serve(ctx, all[i].invitations[:set.total()])
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, t.process.stop()) }()
		all[i].target = t
		targets = append(targets, t)
	}
	ours := all[0].target

	time.Sleep(settle)
	if d.idle, _, err = ours.process.memory(); err != nil {
		return err
	}
	if d.floorAt, _, err = bare.process.memory(); err != nil {
		return err
	}
	for _, t := range targets {
		if _, err := t.drive(ctx, 8, warmUp); err != nil {
			return err
		}
	}
	if err := d.measureRegistrations(ctx, set, targets); err != nil {
		return err
	}
	for _, t := range targets {
		if err := t.verify(ctx); err != nil {
			return err
		}
	}
	if d.kind == "postgres" { // as autovacuum does, where it is on
		for _, c := range all {
			if err := execute(ctx, c.server.database, "ANALYZE"); err != nil {
				return err
			}
		}
	}
	people, err := d.measureSigned(ctx, set, all)
	if err != nil {
		return err
	}
	if !set.short {
		if err := d.measureReads(ctx, set, all[0].server, ours, bare, people[0]); err != nil {
			return err
		}
	}
	if _, d.loaded, err = ours.process.memory(); err != nil {
		return err
	}
	if _, d.floorLoaded, err = bare.process.memory(); err != nil {
		return err
	}
	for i := range d.rows {
		c := d.rows[i].concurrency
		if d.rows[i].random {
			continue
		}
		if d.rows[i].raw, err = rawRate(ctx, floorDatabase, c, set.count(c)); err != nil {
			return err
		}
	}
	return nil
}

// measureRegistrations drives the bare server, Countersign and, if it is there, the binary to
// compare with.
func (d *databaseReport) measureRegistrations(ctx context.Context, set settings, targets []*target) error {
	for _, random := range []bool{false, true} {
		if random {
			for _, t := range targets {
				rand.Shuffle(len(t.invitations), func(i, j int) {
					t.invitations[i], t.invitations[j] = t.invitations[j], t.invitations[i]
				})
			}
		}
		for _, c := range set.concurrency {
			progress("%s: %d registrations at concurrency %d, in random order: %v", d.kind, set.count(c), c, random)
			loads, err := takeTurns(ctx, set, c, targets...)
			if err != nil {
				return err
			}
			r := row{concurrency: c, random: random, floor: loads[0], countersign: loads[1]}
			if len(loads) > 2 {
				r.before = loads[2]
			}
			d.rows = append(d.rows, r)
		}
	}
	return nil
}

// takeTurns measures the targets at one concurrency, round by round; who begins changes from
// round to round.
func takeTurns(ctx context.Context, set settings, concurrency int, targets ...*target) ([]load, error) {
	loads := make([]load, len(targets))
	n := set.count(concurrency)
	for i := range set.rounds {
		size := n*(i+1)/set.rounds - n*i/set.rounds
		for turn := range targets {
			k := (i + turn) % len(targets)
			m, err := targets[k].drive(ctx, concurrency, size)
			if err != nil {
				return nil, err
			}
			loads[k].add(m)
		}
	}
	return loads, nil
}
