package policy_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/admission"
	"github.com/countersign/countersign/internal/auth/mds"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/mdstest"
	"github.com/countersign/countersign/internal/testing/world"
)

type document = api.AuthenticatorPolicy

// vendor is a maker of authenticators, whose attestation certificates end in a root of its own.
type vendor struct {
	*authenticator.Authenticator
	root []byte // DER
}

func newVendor(first byte) vendor {
	a := authenticator.New()
	a.AAGUID = [16]byte{first, 0x11, 0x22, 15: 0x77}
	chain := chainOf(a, authenticator.Options{Format: authenticator.PackedX5C})
	return vendor{a, chain[len(chain)-1]}
}

// chainOf returns the certificates with which an authenticator attests.
func chainOf(a *authenticator.Authenticator, o authenticator.Options) [][]byte {
	made, _, err := a.Create(api.RegistrationChallenge{Challenge: "AAAA", RP: &api.RelyingParty{ID: "localhost"},
		PubKeyCredParams: []api.PubKeyCredParam{{Type: "public-key", Alg: -7}}}, o)
	if err != nil {
		panic(err)
	}
	object, err := base64.RawURLEncoding.DecodeString(made.CredentialInfo.AttestationData)
	if err != nil {
		panic(err)
	}
	s, err := admission.ReadStatement(object)
	if err != nil {
		panic(err)
	}
	return s.Chain
}

func (v vendor) aaguid() string { return admission.TextOf(v.AAGUID) }

func (v vendor) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.root}))
}

// vendors make their keys once: one is in the metadata, the other is not.
var vendors = sync.OnceValue(func() [2]vendor { return [2]vendor{newVendor(1), newVendor(2)} })

// hall is an organisation on a server that trusts the metadata of signer.
type hall struct {
	*world.Tenant
	signer *mdstest.Signer
	number int
}

// each runs test on each database. Its subtests get a server that has no metadata.
func each(t *testing.T, test func(t *testing.T, h *hall)) {
	signer := mdstest.New(t, time.Now(), nil)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	world.Must(t, os.WriteFile(roots, signer.PEM(), 0o600))
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) { test(t, &hall{Tenant: n, signer: signer}) },
		countersigntest.Metadata(mds.Config{RootFile: roots, Host: mdstest.Host}))
}

// load has the server keep new metadata with the first vendor's model, of that status.
func (h *hall) load(t testing.TB, status string, more ...mdstest.Object) {
	t.Helper()
	v := vendors()[0]
	h.number++
	entry := mdstest.Entry(v.aaguid(), "Key One", "FIDO_CERTIFIED_L1", v.root)
	if status != "" {
		entry["statusReports"] = append(entry["statusReports"].([]mdstest.Object), mdstest.Object{"status": status, "effectiveDate": "2024-03-01"})
	}
	blob := filepath.Join(t.TempDir(), "blob.jwt")
	world.Must(t, os.WriteFile(blob, h.signer.Sign(t, mdstest.Payload(h.number, time.Now().AddDate(0, 1, 0), append(more, entry)...)), 0o600))
	_, err := h.Metadata.Load(t.Context(), blob)
	world.Must(t, err)
}

// set sets the policy for employees as the operator does.
func (h *hall) set(t testing.TB, d document) api.Policy {
	t.Helper()
	p, err := h.trySet(t, api.CustomerEmployee, d)
	world.Must(t, err)
	return p
}

func (h *hall) trySet(t testing.TB, kind string, d document) (api.Policy, error) {
	t.Helper()
	return store.Do(t.Context(), h.DB, func(tx *store.Tx) (api.Policy, error) {
		return h.Policies.Set(t.Context(), tx, api.Caller{OrgID: h.Org.ID}, api.SetPolicyRequest{UserKind: kind, Policy: &d})
	})
}

// answer has an authenticator of a vendor answer a challenge, whatever the challenge asks for.
func (h *hall) answer(t testing.TB, v vendor, c api.RegistrationChallenge, o authenticator.Options) api.CredentialAttestation {
	t.Helper()
	c.PubKeyCredParams = append(c.PubKeyCredParams, api.PubKeyCredParam{Type: "public-key", Alg: -7}, api.PubKeyCredParam{Type: "public-key", Alg: -8},
		api.PubKeyCredParam{Type: "public-key", Alg: -257})
	o.Origin = h.URL
	made, _, err := v.Create(c, o)
	world.Must(t, err)
	return made
}

// register has an invitee try to register with an authenticator.
func (h *hall) register(t testing.TB, g *world.Invitee, v vendor, o authenticator.Options) world.Answer {
	t.Helper()
	c := g.Begin(t)
	return g.Complete(t, c.TemporaryAuthenticationToken, world.First(h.answer(t, v, c, o)))
}

// evidence is what is stored with the one credential of an invitee.
func evidence(t testing.TB, g *world.Invitee) (version int64, e admission.Evidence) {
	t.Helper()
	all := g.Credentials(t)
	if len(all) != 1 {
		t.Fatalf("%d credentials", len(all))
	}
	if all[0].Evidence != nil {
		world.Must(t, json.Unmarshal(all[0].Evidence, &e))
	}
	return all[0].Policy, e
}
