package admission

import (
	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
)

// Presets are the named policies to start from.
var Presets = []api.PolicyPreset{
	{Name: "open", Meaning: "Any passkey or key may register; nothing is asked about the device it is on.",
		Policy: api.AuthenticatorPolicy{}},
	{Name: "synced-or-attested", Meaning: "A passkey is synchronised by its provider, or FIDO metadata vouches for the device that it stays on.",
		Policy: api.AuthenticatorPolicy{Attestation: DeviceBound, Anchors: []string{ByMetadata}, RefuseStatuses: Compromises, Keys: Refused}},
	{Name: "attested-hardware", Meaning: "A passkey stays on one device, whose hardware protects it and which FIDO has certified.",
		Policy: api.AuthenticatorPolicy{Attestation: Required, Anchors: []string{ByMetadata}, Synced: Refused, MinimumLevel: "FIDO_CERTIFIED_L1",
			KeyProtection: []string{"hardware", "tee", "secure_element"}, RefuseStatuses: Compromises, Keys: Refused}},
}

// Preset returns the named policy.
func Preset(name string) (api.AuthenticatorPolicy, error) {
	var names []string
	for _, p := range Presets {
		if p.Name == name {
			return p.Policy, nil
		}
		names = append(names, p.Name)
	}
	return api.AuthenticatorPolicy{}, &api.Error{Kind: api.Invalid, Code: "policy_invalid", Message: "The named policies are " + alternatives(names) + "."}
}

// PresetOf returns the name of the named policy that equals a document, "" if none does.
func PresetOf(document []byte) string {
	for _, p := range Presets {
		if text, err := Text(p.Policy); err == nil && string(text) == string(document) {
			return p.Name
		}
	}
	return ""
}

// Text writes a policy as it is stored.
func Text(p api.AuthenticatorPolicy) ([]byte, error) {
	return json.Marshal(p, json.Deterministic(true))
}
