package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/testing/world"
)

// A page of another site may send whatever headers its browser asks for: those of tracers and of
// SDKs to come. What is no list of header names is not sent back.
func TestPreflightAllowsWhatIsAsked(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	ask := func(path string, names ...string) http.Header {
		t.Helper()
		header := http.Header{"Origin": {"https://app.example.org"}, "Access-Control-Request-Method": {"POST"}}
		if names != nil {
			header["Access-Control-Request-Headers"] = names
		}
		a := h.Send(t, "OPTIONS", path, header, nil)
		if a.Status != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" ||
			a.Header.Get("Vary") != "Access-Control-Request-Headers" {
			t.Errorf("%s %.60q: %d %v", path, names, a.Status, a.Header)
		}
		return a.Header
	}
	fallback := strings.Join(ask("/auth/login/init")["Access-Control-Allow-Headers"], "|")
	if !strings.Contains(fallback, "authorization, content-type, x-dfns-useraction") {
		t.Errorf("asked for nothing: %s", fallback)
	}
	for _, path := range []string{"/auth/login/init", "/auth/users", "/wallets", "/wallets/wa-1/transfers"} {
		for _, names := range []string{"traceparent", "authorization,content-type,traceparent,tracestate,baggage", "sentry-trace, baggage",
			"x-datadog-trace-id,x-datadog-parent-id", "x-b3-traceid", "newrelic", "X-Amzn-Trace-Id", "x-dfns-sdk-version,x-dfns-something-new", "a"} {
			if got := ask(path, names).Get("Access-Control-Allow-Headers"); got != names {
				t.Errorf("%s asked for %q, allowed %q", path, names, got)
			}
		}
	}
	if got := ask("/auth/login/init", "traceparent", "baggage").Get("Access-Control-Allow-Headers"); got != "traceparent, baggage" {
		t.Errorf("asked on two lines, allowed %q", got)
	}
	for _, names := range []string{",", "a,,b", "a b", "<script>", "a:b", "a;b", `a"b`, "a\u00e9", "(comment)", "a,", strings.Repeat("a,", 2000) + "a"} {
		if got := ask("/auth/login/init", names).Get("Access-Control-Allow-Headers"); got != fallback {
			t.Errorf("%.40q was sent back: %.60q", names, got)
		}
	}
}

// A client of the upstream API that asks for what this server is not for is told so in one
// sentence, as JSON, with and without a token, from a page of another site too.
func TestUpstreamGroupsAreNotOffered(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	token := h.LogIn(t, h.Employee(t))
	for _, path := range []string{"/wallets", "/wallets/wa-1", "/wallets/wa-1/transfers/xfr-1", "/keys", "/keys/key-1/signatures", "/networks/fees", "/signers",
		"/staking/stakes", "/exchanges", "/vaults/v-1", "/swaps", "/payouts/po-1/action", "/payins", "/allocations", "/agreements/latest-unaccepted",
		"/fee-sponsors", "/address-watches", "/key-stores", "/policies", "/public-keys", "/callback-events", "/callback-subscriptions",
		"/v2/policies/travel-rule/sumsub/public-key"} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			for _, header := range []http.Header{nil, world.Bearer(token), {"Authorization": {"Bearer nonsense"}}, {"Origin": {"https://app.example.org"}}} {
				a := h.Send(t, method, path+"?limit=1", header, "{}")
				if a.Status != 501 || a.Code != "operation_not_offered" || !strings.HasPrefix(a.Message, "This server has no /") ||
					a.Header.Get("Access-Control-Allow-Origin") != "*" {
					t.Errorf("%s %s: %v", method, path, a)
				}
			}
		}
	}
	for path, code := range map[string]string{"/wallet": "not_found", "/walletsx": "not_found", "/v2": "not_found", "/v2/policies/plc-1": "operation_not_offered",
		"/v2/policies": "operation_not_offered", "/keys/": "not_found"} {
		if a := h.Send(t, "GET", path, nil, nil); a.Code != code {
			t.Errorf("%s: %v, want %s", path, a, code)
		}
	}
	if kept := h.Kept(t); strings.Contains(kept, "operation_not_offered") {
		t.Error("what was not offered is kept as a refusal")
	}
}
