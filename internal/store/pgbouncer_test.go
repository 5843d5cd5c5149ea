package store_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/testing/database"
)

// throughPgBouncer are the tests that run again through PgBouncer: migrations, what one unit and
// many at once do, and each kind of row. Others that pass there too take minutes.
const throughPgBouncer = `Once|Unit|Opening|OpenSaysWhatToDo|BroughtUpToDate|Sessions|Actions|Settings|Refusals|Throttle|ServerKeys|Credentials|LoginCodes|Invitation|InPages|StaysArchived|AfterADeactivation`

const isThrough = "COUNTERSIGN_TEST_THROUGH_PGBOUNCER"

// Through PgBouncer in transaction mode, where each transaction may have another connection,
// the store does what it does without.
func TestThroughPgBouncer(t *testing.T) {
	t.Parallel()
	if os.Getenv(isThrough) != "" {
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "("+throughPgBouncer+")/^postgres$", "-test.v", "-test.parallel", "4")
	cmd.Env = append(os.Environ(), database.Server+"="+database.PgBouncer(t), isThrough+"=1")
	out, err := cmd.CombinedOutput()
	if passed := strings.Count(string(out), "/postgres ("); err != nil || passed < 40 || strings.Contains(string(out), "--- SKIP") {
		t.Errorf("%v, %d tests passed:\n%s", err, passed, out)
	}
}

// A parameter that the server or the pooler does not take is named.
func TestParametersThatAreRefused(t *testing.T) {
	t.Parallel()
	with := func(url, parameter string) string { return url + "&" + parameter }
	direct := database.Postgres(t)
	for parameter, name := range map[string]string{
		"nonsense=1":                         "nonsense",
		"pgbouncer=true":                     "pgbouncer",
		"connection_limit=5":                 "connection_limit",
		"schema=public":                      "schema",
		"statement_timeout=soon":             "statement_timeout",
		"default_transaction_isolation=none": "default_transaction_isolation",
	} {
		openFails(t, with(direct, parameter), "database_parameter_refused", `"`+name+`"`, "remove it")
	}
	server, _, _ := strings.Cut(database.PgBouncer(t), "/postgres?")
	through := server + direct[strings.LastIndex(direct, "/"):]
	for parameter, name := range map[string]string{
		"nonsense=1":             "nonsense",
		"statement_timeout=5s":   "statement_timeout",
		"search_path=public":     "search_path",
		"lock_timeout=5s":        "lock_timeout",
		"options=-c%20jit%3Doff": "options",
		"work_mem=8MB":           "work_mem",
	} {
		openFails(t, with(through, parameter), "database_parameter_refused", `"`+name+`"`, "ALTER ROLE")
	}
	for _, fine := range []string{"application_name=other", "timezone=UTC", "client_encoding=UTF8", "target_session_attrs=read-write", "default_query_exec_mode=exec"} {
		open(t, with(through, fine))
	}
}
