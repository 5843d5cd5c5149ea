package sdk_test

import (
	"strings"
	"testing"
)

// absent are the methods of the SDK that this server does not offer.
var absent = []string{
	"auth.createSocialRegistrationChallenge", "auth.socialLogin", "auth.ssoLogin", "auth.ssoLoginInit",
	"auth.listAvailableOrgs",
}

// notOffered has the SDK try what this server does not offer: it says so.
func (k actor) notOffered(t *testing.T) {
	tried := 0
	for _, method := range absent {
		if !k.has(method) {
			continue
		}
		tried++
		o := k.do(t, method, body(req{}))
		wantRefused(t, method, o, 501, "operation_not_offered")
		if o.Error != nil && !strings.HasPrefix(o.Error.Message, "This server does not offer ") {
			t.Errorf("%s: the SDK's sentence is %q", method, o.Error.Message)
		}
	}
	if k.generated && tried < 1 {
		t.Errorf("%d methods were tried", tried)
	}
}

// bygone are methods of the first versions whose operations the contract has no more, or
// not that way.
var bygone = []string{
	"auth.updateApplication", // PUT; later POST
	"auth.createUserActionSignatureFromCode", "auth.createCodeUserActionSignatureChallenge", "auth.createCodeUserActionSignature",
	"permissions.createPermissionPredicate", "permissions.updatePermissionPredicate", "permissions.archivePermissionPredicate",
	"permissions.listPermissionPredicates",
	"permissions.createPermissionAssignment", "permissions.revokePermissionAssignment", "permissions.listPermissionAssignments",
}

// unknown has the first versions try what the contract does not know: they are told so in
// a way that they understand.
func (d *directory) unknown(t *testing.T) {
	if d.generated {
		return
	}
	for _, m := range []manner{direct, application} {
		k := d.actor(d.admin, m)
		for _, method := range bygone {
			if !k.has(method) {
				continue
			}
			o := k.do(t, method, merged(body(req{}), req{"appId": "ap-1", "permissionId": "pm-1", "predicateId": "pp-1", "assignmentId": "as-1"}))
			if o.Error == nil || o.Error.Name != "DfnsError" || (o.Error.HTTPStatus != 404 && o.Error.HTTPStatus != 405) || o.Error.Message == "" {
				t.Errorf("%s: %+v", method, o)
			}
			k.reaches(method)
		}
	}
}
