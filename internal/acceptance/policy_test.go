package acceptance_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/mdstest"
)

// The operator asks whom a policy would hit, sets it, and a running server follows at once.
func TestPolicyCommands(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		n := h.serve()
		inv := h.invite(org, "ada@example.org")
		ada := countersigntest.Invitation{OrgID: org, UserID: inv.UserID, Username: "ada@example.org", RegistrationCode: inv.RegistrationCode}
		countersigntest.RegisterAt(h, &client.Client{BaseURL: n.URL}, ada, authenticator.Options{Origin: n.URL})
		files := 0
		file := func(text string) string {
			files++
			path := filepath.Join(h.TempDir(), fmt.Sprintf("policy%d.json", files))
			must(h, os.WriteFile(path, []byte(text), 0o600))
			return path
		}
		of := func(command string, more ...string) []string {
			return append([]string{"policy", command, "--org", org}, more...)
		}

		if p := read[api.Policy](h, h.do(of("show", "--json")...)); p.Version != 0 || p.Preset != "open" || p.UserKind != "CustomerEmployee" {
			h.Errorf("before: %+v", p)
		}
		for _, name := range []string{"open", "synced-or-attested", "attested-hardware"} {
			if out := h.do(of("show", "--presets")...); !strings.Contains(out, name+": ") {
				h.Errorf("no %s in %s", name, out)
			}
		}
		synced := file(`{"synced":"required"}`)
		if r := read[api.WhatIf](h, h.do(of("what-if", "--file", synced, "--json")...)); r.Credentials != 1 || r.Refused != 1 || len(r.Warnings) != 1 {
			h.Errorf("%+v", r)
		}
		if out := h.do(of("what-if", "--file", synced)...); !strings.Contains(out, "1 of 1 credentials would be refused") || !strings.Contains(out, "Warning: It would refuse the last credential of the last administrator") {
			h.Errorf("%s", out)
		}
		out, stderr, status := h.command("", of("what-if", "--file", synced, "--csv")...)
		lines, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if err != nil || status != 0 || len(lines) != 2 || lines[1][1] != "ada@example.org" || lines[1][2] != "yes" || lines[1][10] != "synced" || !strings.Contains(stderr, "last administrator") {
			h.Errorf("status %d, %s%s, %v", status, out, stderr, err)
		}
		held := h.do(of("holders", "--aaguid", lines[1][7])...)
		if !strings.Contains(held, "ada@example.org") || !strings.Contains(held, "reported") {
			h.Errorf("%s", held)
		}

		if out := h.do(of("set", "--file", synced)...); !strings.Contains(out, "version 1") || !strings.Contains(out, "synchronised by their provider") {
			h.Errorf("%s", out)
		}
		late := h.invite(org, "late@example.org")
		c := &client.Client{BaseURL: n.URL}
		try := func(o authenticator.Options) error {
			challenge, err := c.InitRegistration(h.Context(), api.InitRegistrationRequest{OrgID: org, Username: "late@example.org", RegistrationCode: late.RegistrationCode})
			must(h, err)
			o.Origin = n.URL
			made, _, err := authenticator.New().Create(challenge, o)
			must(h, err)
			_, err = c.Register(h.Context(), challenge.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &made})
			return err
		}
		if err := try(authenticator.Options{}); err == nil || !strings.Contains(err.Error(), "authenticator_not_accepted") {
			h.Errorf("a running server: %v", err)
		}
		if err := try(authenticator.Options{BackupEligible: true}); err != nil {
			h.Errorf("synced: %v", err)
		}
		if p := read[api.Policy](h, h.do(of("show", "--version", "1", "--json")...)); !p.InForce || p.Policy.Synced != "required" {
			h.Errorf("%+v", p)
		}

		if out := h.do("credential", "list", "--org", org, "--username", "late@example.org", "--json"); !strings.Contains(out, `"policy":1`) {
			h.Errorf("%s", out)
		}

		signer := mdstest.New(h, time.Now(), nil)
		root := filepath.Join(h.TempDir(), "root.pem")
		must(h, os.WriteFile(root, signer.PEM(), 0o600))
		for _, bad := range []struct {
			args []string
			says string
		}{
			{of("set"), "--preset or --file"}, {of("set", "--preset", "open", "--file", synced), "--preset or --file"},
			{of("set", "--preset", "strict"), "attested-hardware"}, {of("set", "--preset", "attested-hardware"), "countersign metadata load"},
			{of("set", "--file", file(`{"sync":"required"}`)), "known members alone"}, {of("set", "--file", filepath.Join(h.TempDir(), "none")), "no such file"},
			{of("set", "--file", file(`{"algorithms":[]}`)), "algorithms is empty"}, {of("what-if", "--file", file(`{}`), "--csv", "--json"), "--csv or --json"},
			{of("show", "--version", "-1"), "--version"}, {of("holders", "--aaguid", "x"), "AAGUID"},
		} {
			out, stderr, status := h.command("", bad.args...)
			if status != 2 || out != "" || !strings.Contains(stderr, bad.says) || strings.Count(stderr, "\n") != 1 {
				h.Errorf("%s: status %d: %s%s", bad.args, status, out, stderr)
			}
		}
		if p := read[api.Policy](h, h.do(of("show", "--json")...)); p.Version != 1 {
			h.Errorf("%+v", p)
		}
		blob := filepath.Join(h.TempDir(), "blob.jwt")
		must(h, os.WriteFile(blob, signer.Sign(h, mdstest.Payload(1, time.Now().AddDate(0, 1, 0), mdstest.Entry("11111111-1111-4111-8111-111111111111", "A key", "FIDO_CERTIFIED_L1"))), 0o600))
		own := []string{"--metadata-root", root, "--metadata-host", mdstest.Host}
		h.do(append([]string{"metadata", "load", blob}, own...)...)
		if out := h.do(of("set", append(own, "--preset", "attested-hardware")...)...); !strings.Contains(out, "version 2, which is attested-hardware") {
			h.Errorf("%s", out)
		}
	})
}
