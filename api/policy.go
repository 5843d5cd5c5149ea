package api

// AuthenticatorPolicy is what an organisation accepts of the authenticators of one kind of user. What is left
// out is the default, which is named first; all defaults together accept what no policy accepts.
type AuthenticatorPolicy struct {
	Conveyance       string   `json:"conveyance,omitempty" description:"What challenges ask for: none, indirect, direct or enterprise. Default: direct if attestation is anything but none, else the organisation's own setting"`
	Attestation      string   `json:"attestation,omitempty" description:"none; preferred: verified and noted, nothing is refused for it; device-bound: required of passkeys that cannot be synchronised; required"`
	Anchors          []string `json:"anchors,omitempty" description:"What an attestation must lead to: metadata, own, or either of both"`
	Roots            []string `json:"roots,omitempty" description:"The own anchors: certificates in PEM"`
	SHA1             string   `json:"sha1,omitempty" description:"allowed or refused: attestations whose signature is over SHA-1, as TPMs of many Windows computers make them"`
	KeepSerialNumber bool     `json:"keepSerialNumber,omitempty,omitzero" description:"With conveyance enterprise: whether the statement, which names the one device, and its serial number are kept"`
	WithoutMetadata  string   `json:"withoutMetadata,omitempty" description:"closed or open: when a rule needs FIDO metadata and there is none or it is out of date"`

	Allow          []string `json:"allow,omitempty" description:"AAGUIDs of the only models that are accepted. Only a verified attestation proves one"`
	Deny           []string `json:"deny,omitempty" description:"AAGUIDs of models that are refused, also if they are only reported"`
	MinimumLevel   string   `json:"minimumLevel,omitempty" description:"Least FIDO certification: FIDO_CERTIFIED, FIDO_CERTIFIED_L1, FIDO_CERTIFIED_L1plus, … FIDO_CERTIFIED_L3plus"`
	KeyProtection  []string `json:"keyProtection,omitempty" description:"What must protect the key, one of: software, hardware, tee, secure_element, remote_handle"`
	RefuseStatuses []string `json:"refuseStatuses,omitempty" description:"Status reports in the metadata for which a model is refused, as REVOKED, also if the model is only reported"`
	ZeroAAGUID     string   `json:"zeroAaguid,omitempty" description:"allowed or refused: passkeys that name no model"`
	PerModel       int      `json:"perModel,omitempty,omitzero" description:"How many passkeys of one model a user may have; 0 for any number"`

	Attachment       string `json:"attachment,omitempty" description:"any, platform or cross-platform, as far as it is known"`
	ResidentKey      string `json:"residentKey,omitempty" description:"required, preferred or discouraged. Default: the organisation's own setting"`
	UserVerification string `json:"userVerification,omitempty" description:"required, preferred or discouraged. Default: the organisation's own setting"`

	Synced   string `json:"synced,omitempty" description:"allowed, required or refused: passkeys that can be synchronised (backup eligible)"`
	BackedUp string `json:"backedUp,omitempty" description:"any or required: that it is backed up when it is registered (backup state)"`

	Algorithms []string `json:"algorithms,omitempty" description:"Of passkeys, the most wanted first. Default: ES256, EdDSA, RS256, ES384, ES512"`
	Keys       string   `json:"keys,omitempty" description:"allowed or refused: credentials of kind Key and PasswordProtectedKey"`
}

// PolicyRequest names a policy.
type PolicyRequest struct {
	UserKind string `json:"-" path:"userKind" enum:"CustomerEmployee,EndUser" description:"CustomerEmployee or EndUser"`
	Version  int    `json:"-" query:"version" minimum:"1" description:"The version; the one in force when left out"`
}

// SetPolicyRequest sets a policy: one of the named ones, or another.
type SetPolicyRequest struct {
	UserKind string               `json:"-" path:"userKind" enum:"CustomerEmployee,EndUser" description:"CustomerEmployee or EndUser"`
	Preset   string               `json:"preset,omitempty" description:"open, synced-or-attested or attested-hardware"`
	Policy   *AuthenticatorPolicy `json:"policy,omitempty"`
	Version  *int64               `json:"version,omitempty" description:"The version that it replaces. If another is in force by now, nothing is set"`
}

// Policy is a version of a policy.
type Policy struct {
	UserKind    string              `json:"userKind" description:"CustomerEmployee or EndUser"`
	Version     int64               `json:"version" description:"0 before one is set"`
	InForce     bool                `json:"inForce"`
	DateCreated string              `json:"dateCreated,omitempty"`
	CreatedBy   string              `json:"createdBy,omitempty" description:"us-…; left out for the operator"`
	Preset      string              `json:"preset,omitempty" description:"The named policy that it equals"`
	Accepts     string              `json:"accepts" description:"What it accepts, in words"`
	Policy      AuthenticatorPolicy `json:"policy" description:"With the defaults filled in, except those that the organisation's own settings are"`
}

// PolicyList is the policies in force, and the named ones.
type PolicyList struct {
	Items   []Policy       `json:"items"`
	Presets []PolicyPreset `json:"presets"`
}

// PolicyPreset is a named policy to start from.
type PolicyPreset struct {
	Name    string              `json:"name"`
	Meaning string              `json:"meaning"`
	Policy  AuthenticatorPolicy `json:"policy"`
}

// WhatIfRequest asks whom a policy would refuse.
type WhatIfRequest struct {
	UserKind string               `json:"-" path:"userKind" enum:"CustomerEmployee,EndUser" description:"CustomerEmployee or EndUser"`
	Preset   string               `json:"preset,omitempty" description:"open, synced-or-attested or attested-hardware"`
	Policy   *AuthenticatorPolicy `json:"policy,omitempty"`
}

// WhatIf is how many of the credentials that are registered a policy would refuse.
type WhatIf struct {
	Credentials int64        `json:"credentials" description:"Passkeys and keys of this kind of user that were not removed"`
	Refused     int64        `json:"refused"`
	Users       int64        `json:"users" description:"How many have a credential that is refused"`
	LockedOut   int64        `json:"lockedOut" description:"How many have active first factors, all of which are refused"`
	Rules       []RuleCount  `json:"rules" description:"Refused credentials by rule, most first"`
	Models      []ModelCount `json:"models" description:"Refused credentials by model, most first"`
	Warnings    []string     `json:"warnings"`
}

// RuleCount is how many credentials a rule refuses.
type RuleCount struct {
	Rule  string `json:"rule"`
	Count int64  `json:"count"`
}

// ModelCount is how many credentials of a model are refused.
type ModelCount struct {
	AAGUID string `json:"aaguid" description:"Empty for keys"`
	Name   string `json:"name,omitempty" description:"From the metadata"`
	Count  int64  `json:"count"`
}
