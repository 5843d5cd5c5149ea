package audit

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/countersign/countersign/api"
)

// sentence describes a kind of event. {actor} is who did it and {subject} whom it is about;
// {credential} is the kind of a credential, and {assignee} is who has a permission. Any other name
// is a member of the event's detail.
type sentence struct {
	text string
	used bool // the event's credential was used to do it
}

// sentences has a sentence for every kind of event. The sentence of a kind that is no longer
// recorded stays: its events do.
var sentences = map[string]sentence{
	"organisation.created":              {text: "{actor} made the organisation"},
	"organisation.updated":              {text: "{actor} set the organisation: name {name}, RP ID {rpId}, origins {origins}, attestation {attestation}"},
	"organisation.policies_set":         {text: "{actor} set the policies: sign count {signCount}, backup {backup}, second factor {secondFactor}, recovery wait {recoveryWait}, recovery approval {recoveryApproval}"},
	"organisation.policy_set":           {text: "{actor} set which authenticators a user of kind {userKind} may register: version {version}, {preset}"},
	"organisation.credential_kinds_set": {text: "{actor} set which credentials are accepted: one-time passwords {oneTimePasswords}, passwords {passwords}"},

	"user.invited":     {text: "{actor} invited {subject}"},
	"user.registered":  {text: "{subject} registered with {credential}", used: true},
	"user.updated":     {text: "{actor} changed {subject}"},
	"user.activated":   {text: "{actor} activated {subject}"},
	"user.deactivated": {text: "{actor} deactivated {subject}"},
	"user.archived":    {text: "{actor} archived {subject}"},
	"user.logged_in":   {text: "{subject} logged in with {credential}", used: true},
	"user.logged_out":  {text: "{subject} logged out"},
	"session.ended":    {text: "{subject} ended one of their sessions"},

	"user.sessions_ended":               {text: "{actor} ended sessions of {subject}"},
	"user.logged_in_by_delegation":      {text: "{actor} opened a session for {subject}"},
	"user.delegated_registration_begun": {text: "{actor} began to register {subject}"},

	"registration.code_sent":    {text: "The registration code of {subject} was mailed"},
	"registration.code_resent":  {text: "A new registration code was asked for in the name of {subject}"},
	"registration.code_renewed": {text: "{actor} made a new registration code for {subject}"},
	"registration.code_revoked": {text: "{actor} revoked the registration code of {subject}"},
	"login.code_issued":         {text: "A login code was made for {subject}"},
	"recovery.code_issued":      {text: "A recovery code was asked for in the name of {subject}"},
	"recovery.requested":        {text: "{subject} asked with a recovery key to recover; it waits until {until}, approval {approval}"},
	"recovery.approved":         {text: "{actor} approved the recovery of {subject}"},
	"recovery.stopped":          {text: "{actor} stopped the recovery of {subject}"},

	"user.delegated_recovery_begun": {text: "{actor} began the recovery of {subject}"},
	"user.restarted":                {text: "{actor} gave {subject} a new start: credentials removed, new registration code"},
	"user.recovered":                {text: "{subject} recovered with a recovery key; everything from before was removed"},

	"credential.added":                  {text: "{subject} added a credential"},
	"credential.removed":                {text: "{actor} removed a credential of {subject}"},
	"credential.renamed":                {text: "{actor} renamed a credential of {subject}: {formerName} is now {name}"},
	"credential.code_issued":            {text: "{subject} made a code to add a credential from another device"},
	"credential.recovery_added":         {text: "{subject} added a recovery key"},
	"credential.activated":              {text: "{actor} activated a credential of {subject}"},
	"credential.deactivated":            {text: "{actor} deactivated a credential of {subject}"},
	"credential.counter_reset":          {text: "{actor} let a passkey of {subject} count from the start again"},
	"credential.sign_count_out_of_line": {text: "The counter of a passkey of {subject} was out of step", used: true},
	"credential.backup_changed":         {text: "How a passkey of {subject} is backed up has changed", used: true},

	"metadata.loaded": {text: "{actor} loaded FIDO metadata {number} from {source}"},

	"action.consumed":  {text: "{subject} had {method} {path} done by another service"},
	"action.forwarded": {text: "{subject} had {method} {path} done behind a reverse proxy"},

	"service_account.created":        {text: "{actor} made the service account {name}"},
	"service_account.updated":        {text: "{actor} changed the service account {name}"},
	"service_account.activated":      {text: "{actor} activated the service account {name}"},
	"service_account.deactivated":    {text: "{actor} deactivated the service account {name}"},
	"service_account.archived":       {text: "{actor} archived the service account {name}"},
	"service_account.token_reissued": {text: "{actor} reissued the access token of the service account {name}"},

	"token.created":     {text: "{actor} made the access token {name}"},
	"token.updated":     {text: "{actor} changed the access token {name}"},
	"token.activated":   {text: "{actor} activated the access token {name}"},
	"token.deactivated": {text: "{actor} deactivated the access token {name}"},
	"token.archived":    {text: "{actor} archived the access token {name}"},

	"application.created":     {text: "{actor} made the application {name}"},
	"application.updated":     {text: "{actor} changed the application {name}"},
	"application.activated":   {text: "{actor} activated the application {name}"},
	"application.deactivated": {text: "{actor} deactivated the application {name}"},
	"application.archived":    {text: "{actor} archived the application {name}"},

	"permission.created":  {text: "{actor} made the permission {name}"},
	"permission.updated":  {text: "{actor} changed the permission {name}"},
	"permission.archived": {text: "{actor} archived the permission {name}"},
	"permission.restored": {text: "{actor} brought the permission {name} back"},
	"permission.assigned": {text: "{actor} gave the permission {name} to {assignee}"},
	"permission.revoked":  {text: "{actor} took the permission {name} from {assignee}"},
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

// summary says in a sentence what happened. A kind without a sentence is described by its name.
func (e entry) summary() string {
	if e.Refused {
		return "Refused: " + e.Message
	}
	s, known := sentences[e.Kind]
	if !known {
		return e.Kind
	}
	return placeholder.ReplaceAllStringFunc(s.text, func(name string) string {
		switch name = strings.Trim(name, "{}"); name {
		case "actor":
			name := cmp.Or(e.ActorName, e.ActorID, "The operator")
			if program := e.member("program"); program != "" {
				name += " (by a program, " + program + ")"
			}
			return name
		case "subject":
			return e.subject()
		case "credential":
			return e.credentialKind()
		case "assignee":
			return e.assignee()
		}
		return e.member(name)
	})
}

func (e entry) subject() string { return cmp.Or(e.SubjectName, e.SubjectID, "somebody") }

// member returns a member of the detail as text, "" if it is missing.
func (e entry) member(name string) string {
	if v, there := e.detail[name]; there {
		return fmt.Sprint(v)
	}
	return ""
}

// credentialKind describes the credential that the detail names: the one that was used, or the
// first of those that were registered.
func (e entry) credentialKind() string {
	kind := e.detail["kind"]
	if all, _ := e.detail["credentials"].([]any); len(all) > 0 {
		first, _ := all[0].(map[string]any)
		kind = first["kind"]
	}
	switch kind {
	case api.KindFido2:
		return "a passkey"
	case api.KindKey:
		return "a key"
	case api.KindPasswordProtectedKey:
		return "a password-protected key"
	case api.KindTotp:
		return "one-time passwords"
	case api.KindPassword:
		return "a password"
	}
	return "a credential"
}

// assignee describes who has, or had, a permission: a user, or a token or an application.
func (e entry) assignee() string {
	id := e.member("identityId")
	switch {
	case strings.HasPrefix(id, api.PrefixToken+"-"):
		return "the access token " + id + " of " + e.subject()
	case strings.HasPrefix(id, api.PrefixApplication+"-"):
		return "the application " + id
	}
	return e.subject()
}
