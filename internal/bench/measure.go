package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	concurrency   int
	logins, calls load
}

// row compares one concurrency.
type row struct {
	concurrency        int
	countersign, floor load
	raw                float64 // registrations stored per second without HTTP
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
	mine, dropMine, err := newDatabase(ctx, set, kind, "countersign")
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, dropMine()) }()
	theirs, dropTheirs, err := newDatabase(ctx, set, kind, "floor")
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, dropTheirs()) }()

	srv, err := newServer(ctx, set, binary, mine)
	if err != nil {
		return d, err
	}
	progress("%s: inviting %d users", kind, d.invitations)
	invitations, took, err := srv.invite(ctx, d.invitations, "user")
	if err != nil {
		return d, err
	}
	d.inviting = took
	if d.coldStart, err = srv.coldStart(ctx); err != nil {
		return d, err
	}
	err = d.compare(ctx, set, srv, invitations[:set.total()], theirs)
	return d, err
}

// compare runs both servers and lets them take turns, so that what else the machine
// does falls on both.
func (d *databaseReport) compare(ctx context.Context, set settings, srv *server, invitations []invitation, floorDatabase string) (err error) {
	bare, err := newFloor(ctx, set, floorDatabase, d.invitations)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.process.stop()) }()
	ours, err := srv.serve(ctx, invitations)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.process.stop()) }()

	time.Sleep(settle)
	if d.idle, _, err = ours.process.memory(); err != nil {
		return err
	}
	if d.floorAt, _, err = bare.process.memory(); err != nil {
		return err
	}
	for _, t := range []*target{ours, bare} {
		if _, err := t.drive(ctx, 8, warmUp); err != nil {
			return err
		}
	}
	for _, c := range set.concurrency {
		progress("%s: %d registrations at concurrency %d, twice", d.kind, set.count(c), c)
		r, err := takeTurns(ctx, set, c, ours, bare)
		if err != nil {
			return err
		}
		d.rows = append(d.rows, r)
	}
	for _, t := range []*target{ours, bare} {
		if err := t.verify(ctx); err != nil {
			return err
		}
	}
	all, err := d.measureSigned(ctx, set, srv, ours)
	if err != nil {
		return err
	}
	if err := d.measureReads(ctx, set, srv, ours, bare, all[0]); err != nil {
		return err
	}
	if _, d.loaded, err = ours.process.memory(); err != nil {
		return err
	}
	if _, d.floorLoaded, err = bare.process.memory(); err != nil {
		return err
	}
	for i := range d.rows {
		c := d.rows[i].concurrency
		if d.rows[i].raw, err = rawRate(ctx, floorDatabase, c, set.count(c)); err != nil {
			return err
		}
	}
	return nil
}

// takeTurns measures both targets at one concurrency, round by round; who begins
// changes from round to round.
func takeTurns(ctx context.Context, set settings, concurrency int, ours, bare *target) (row, error) {
	r := row{concurrency: concurrency}
	n := set.count(concurrency)
	for i := range set.rounds {
		size := n*(i+1)/set.rounds - n*i/set.rounds
		turns := []struct {
			target *target
			load   *load
		}{{ours, &r.countersign}, {bare, &r.floor}}
		if i%2 == 1 {
			turns[0], turns[1] = turns[1], turns[0]
		}
		for _, turn := range turns {
			m, err := turn.target.drive(ctx, concurrency, size)
			if err != nil {
				return r, err
			}
			turn.load.add(m)
		}
	}
	return r, nil
}
