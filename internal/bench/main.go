package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settings are the options of one run.
type settings struct {
	databases   []string // sqlite, postgres
	concurrency []int
	n           int // registrations at each concurrency above 1; a quarter at 1
	rounds      int // in which they are done, taking turns with the floor
	invitations int // made by the timed bulk invitation
	many        int // users stored when lists are read
	scale       int // users stored for the scale comparison; 0 leaves it out
	postgres    string
	work        string // folder for databases and the binary, removed afterwards
	binary      string // a binary to measure instead of building one
	before      string // another binary, to compare with; "" for none
	short       bool   // only what fits into half a minute
}

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "floor":
			exit(serveFloor(os.Args[2:]))
		case "raw":
			exit(measureRaw(os.Args[2:]))
		}
	}
	exit(run())
}

func exit(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run() error {
	var set settings
	database := flag.String("db", "both", "`database` to measure: sqlite, postgres or both")
	concurrency := flag.String("c", "1,16,64", "concurrent clients, a comma-separated `list`")
	flag.IntVar(&set.n, "n", 12000, "`registrations` at each concurrency above 1 (a quarter of it at 1)")
	flag.IntVar(&set.rounds, "rounds", 4, "`rounds` in which Countersign and the floor take turns")
	flag.IntVar(&set.invitations, "invitations", 100000, "`number` of invitations made in bulk and timed")
	flag.IntVar(&set.many, "many", 1000000, "`number` of users stored when lists of users are read")
	flag.IntVar(&set.scale, "scale", 0, "also compare the cost with 1,000 and this `number` of users stored (1000000 takes minutes)")
	flag.StringVar(&set.binary, "binary", "", "measure this `file` instead of building cmd/countersign")
	flag.StringVar(&set.before, "before", "", "a `file` to compare with, built from another commit: it takes turns with the binary that is measured")
	flag.BoolVar(&set.short, "short", false, "half a minute: SQLite, 16 clients, 2,000 registrations, no lists")
	dir := flag.String("dir", "", "`folder` for databases, on the disk to be measured (default: the system's for temporary files)")
	timeout := flag.Duration("timeout", 15*time.Minute, "give up after this `time`")
	flag.Parse()

	if set.short {
		set.n, set.invitations, *database, *concurrency = 2000, 0, "sqlite", "16"
	}
	if err := set.parse(*database, *concurrency, flag.Args()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), *timeout, fmt.Errorf("not finished after %v; see -timeout", *timeout))
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	work, err := os.MkdirTemp(*dir, "countersign-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	set.work = work
	err = measure(ctx, set, os.Stdout)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// parse fills in what is given as text and refuses what cannot be measured.
func (s *settings) parse(database, concurrency string, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("argument %q is not understood; see -help", args[0])
	}
	switch database {
	case "sqlite", "postgres":
		s.databases = []string{database}
	case "both":
		s.databases = []string{"sqlite", "postgres"}
	default:
		return fmt.Errorf("-db must be sqlite, postgres or both, not %q", database)
	}
	for text := range strings.SplitSeq(concurrency, ",") {
		c, err := strconv.Atoi(text)
		if err != nil || c < 1 || c > 1024 {
			return fmt.Errorf("-c must be numbers from 1 to 1024 with commas between, not %q", concurrency)
		}
		s.concurrency = append(s.concurrency, c)
	}
	if s.n < 100 || s.n > 1_000_000 || s.rounds < 1 || s.rounds > 100 || s.invitations < 0 || s.invitations > 1_000_000 ||
		s.scale < 0 || s.scale > 10_000_000 || (s.scale > 0 && s.scale <= smallScale) {
		return fmt.Errorf("-n is 100 to 1,000,000, -rounds 1 to 100, -invitations up to 1,000,000, -scale 0 or 1,001 to 10,000,000")
	}
	if database != "sqlite" {
		s.postgres = os.Getenv("COUNTERSIGN_TEST_POSTGRES")
		if s.postgres == "" {
			return errors.New("COUNTERSIGN_TEST_POSTGRES is not set; name a PostgreSQL server on which databases may be made, or pass -db sqlite")
		}
	}
	return nil
}

// count is how many registrations are measured at one concurrency.
func (s settings) count(concurrency int) int {
	if concurrency == 1 {
		return max(s.n/4, s.rounds)
	}
	return s.n
}

// total is how many registrations one target sees, warming up included: at each concurrency those
// of people in the order in which they were invited, then as many in random order.
func (s settings) total() int {
	n := warmUp
	for _, c := range s.concurrency {
		n += 2 * s.count(c)
	}
	return n
}

// holdToOneCore makes this process the cheap neighbour of what it measures.
func holdToOneCore() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
}
