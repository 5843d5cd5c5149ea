package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

var titles = map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL"}

// write prints the report as Markdown.
func (r report) write(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Measured on %s: %s, %d cores, %s, %s/%s. ", time.Now().UTC().Format("2 January 2006"),
		processor(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(&b, "Server, database and client together; client held to one core.\n\n")
	fmt.Fprintf(&b, "Limits of the machine: %.0f ES256 verifications per second on one core, %.0f single durable page writes per second.\n\n", r.verifications, r.syncs)

	for _, d := range r.databases {
		fmt.Fprintf(&b, "### Complete registrations, %s\n\n", titles[d.kind])
		d.writeRows(&b)
		fmt.Fprintf(&b, "\n### Logins and countersigned calls, %s\n\n", titles[d.kind])
		r.writeSigned(&b, d)
		if len(d.reads) > 0 {
			fmt.Fprintf(&b, "\n### Reads and lists, %s\n\n", titles[d.kind])
			d.writeReads(&b)
		}
		b.WriteString("\n")
	}
	r.writeSizes(&b)
	if len(r.scales) > 0 {
		r.writeScales(&b)
	}
	_, err := out.Write(b.Bytes())
	return err
}

func (d databaseReport) writeRows(b *bytes.Buffer) {
	b.WriteString("| clients | | registrations/s | p50 ms | p99 ms | server CPU ms each | of the bare server: rate, CPU |\n")
	b.WriteString("|--:|:--|--:|--:|--:|--:|--:|\n")
	for _, r := range d.rows {
		order := ""
		if r.random {
			order = ", random order"
		}
		share := func(l load) string {
			return fmt.Sprintf("%.0f %%, %.2f", 100*l.rate()/r.floor.rate(), l.cpuMillis()/r.floor.cpuMillis())
		}
		writeLoad(b, r.concurrency, "**Countersign**"+order, r.countersign, "**"+share(r.countersign)+"**")
		if r.before.n > 0 {
			writeLoad(b, r.concurrency, "before"+order, r.before, share(r.before))
		}
		writeLoad(b, r.concurrency, "bare server"+order, r.floor, "")
		if !r.random {
			fmt.Fprintf(b, "| %d | store alone, no HTTP | %.0f | | | | |\n", r.concurrency, r.raw)
		}
	}
}

// writeSigned compares processor time with that of the one ES256 verification that each
// needs.
func (r report) writeSigned(b *bytes.Buffer, d databaseReport) {
	b.WriteString("| clients | | per second | p50 ms | p99 ms | server CPU ms each | in ES256 verifications |\n")
	b.WriteString("|--:|:--|--:|--:|--:|--:|--:|\n")
	for _, s := range d.signed {
		write := func(name string, l load) {
			if l.n > 0 {
				writeLoad(b, s.concurrency, name, l, fmt.Sprintf("%.1f", l.cpuMillis()/1000*r.verifications))
			}
		}
		write("login (2 requests)", s.logins)
		write("login, before", s.loginsBefore)
		write("countersigned call (3 requests)", s.calls)
		write("countersigned call, before", s.callsBefore)
	}
}

// writeLoad writes a row of a table; share compares it with something else.
func writeLoad(b *bytes.Buffer, concurrency int, name string, l load, share string) {
	fmt.Fprintf(b, "| %d | %s | %.0f | %.2f | %.2f | %.3f | %s |\n", concurrency, name, l.rate(),
		millis(l.percentile(0.50)), millis(l.percentile(0.99)), l.cpuMillis(), share)
}

func (r report) writeSizes(b *bytes.Buffer) {
	head, rule := "| |", "|:--|"
	for _, d := range r.databases {
		head += " " + titles[d.kind] + " |"
		rule += "--:|"
	}
	fmt.Fprintf(b, "### Size and start\n\n%s\n%s\n", head, rule)
	line := func(name string, value func(databaseReport) string) {
		cells := make([]string, len(r.databases))
		for i, d := range r.databases {
			cells[i] = value(d)
		}
		fmt.Fprintf(b, "| %s | %s |\n", name, strings.Join(cells, " | "))
	}
	line("resident memory, idle", func(d databaseReport) string { return megabytes(d.idle) })
	line("resident memory, peak under load", func(d databaseReport) string { return megabytes(d.loaded) })
	line("bare server, idle and peak", func(d databaseReport) string { return megabytes(d.floorAt) + " and " + megabytes(d.floorLoaded) })
	line("cold start to a healthy answer", func(d databaseReport) string { return fmt.Sprintf("%.0f ms", millis(d.coldStart)) })
	line("invitations in bulk", func(d databaseReport) string {
		return fmt.Sprintf("%d in %.1f s", d.invitations, d.inviting.Seconds())
	})
	fmt.Fprintf(b, "\nBinary: %s.\n", megabytes(r.binarySize))
}

func (r report) writeScales(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n### Cost as the tables grow, %d clients\n\n", scaleConcurrency)
	b.WriteString("| | users stored | registrations/s | p99 ms | server CPU ms each | CPU, relative | memory idle, peak |\n")
	b.WriteString("|:--|--:|--:|--:|--:|--:|--:|\n")
	for _, s := range r.scales {
		fmt.Fprintf(b, "| %s | %d | %.0f | %.2f | %.3f | 1 | |\n", titles[s.kind], smallScale,
			s.small.rate(), millis(s.small.percentile(0.99)), s.small.cpuMillis())
		fmt.Fprintf(b, "| %s | %d | %.0f | %.2f | %.3f | %.2f | %s, %s |\n", titles[s.kind], s.users,
			s.large.rate(), millis(s.large.percentile(0.99)), s.large.cpuMillis(), s.large.cpuMillis()/s.small.cpuMillis(),
			megabytes(s.idle), megabytes(s.loaded))
	}
	for _, s := range r.scales {
		fmt.Fprintf(b, "\n%s: inviting %d users took %.0f s.\n", titles[s.kind], s.users, s.filling.Seconds())
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// processor names the machine's processor as Linux does.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
