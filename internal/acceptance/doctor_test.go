package acceptance_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/testing/database"
)

// Through PgBouncer the server serves and doctor finds nothing. Where statements are prepared by
// name all the same, doctor fails as the server would.
func TestDoctorUsesTheDatabaseAsTheServerDoes(t *testing.T) {
	t.Parallel()
	direct := database.Postgres(t)
	server, _, _ := strings.Cut(database.PgBouncer(t), "/postgres?")
	h := &installation{T: t, database: server + direct[strings.LastIndex(direct, "/"):]}
	n := h.serve()
	for _, inv := range h.inviteMany(h.organisation(), "guest", 20) {
		n.register(inv)
	}
	out, stderr, status := h.command("", "doctor")
	if status != 0 || !strings.Contains(out, "ok       database: postgres, was read and written") {
		t.Errorf("doctor: status %d: %s%s", status, out, stderr)
	}
	h.database += "&default_query_exec_mode=cache_statement"
	if out, _, status := h.command("", "doctor"); status != 1 || !strings.Contains(out, "problem ") {
		t.Errorf("doctor finds prepared statements behind PgBouncer good, status %d: %s", status, out)
	}
	h.database = direct + "&nonsense=1"
	if out, _, status := h.command("", "doctor"); status != 1 || !strings.Contains(out, `"nonsense"`) {
		t.Errorf("doctor: status %d: %s", status, out)
	}
}
