package store

import "context"

// Both reads always return one row, so that they take the same time whether or not the user
// and the code exist.
const (
	invitationColumns = organisationColumns + `, ` + userColumns + `, ` + codeColumns

	selectInvitation = `SELECT ` + invitationColumns + `, t.count, t.resets_at
		FROM (SELECT 1 AS here) x
		LEFT JOIN organisations o ON o.id = $1
		LEFT JOIN users u ON u.org_id = $1 AND u.username_key = $2
		LEFT JOIN registration_codes c ON c.user_id = u.id AND c.mac = $3
		LEFT JOIN throttles t ON t.key = $4`

	selectRegistrationState = `SELECT ` + invitationColumns + `
		FROM (SELECT 1 AS here) x
		LEFT JOIN users u ON u.id = $1
		LEFT JOIN organisations o ON o.id = u.org_id
		LEFT JOIN registration_codes c ON c.user_id = u.id AND c.id = $2`
)

func (r *row) registrationState() Invitation {
	inv := Invitation{Organisation: r.organisation(), User: r.user(), Code: r.code()}
	inv.Found = inv.User.ID != ""
	inv.CodeFound = inv.Code.ID != ""
	return inv
}

func (r *row) invitation() Invitation {
	inv := r.registrationState()
	inv.WrongTries, inv.WrongTriesReset = r.int(), r.time()
	return inv
}

// Invitation reads what decides whether a user may begin to register: the user of that name,
// the code with that MAC if it was issued to them, and the tries counted under throttleKey.
// What does not exist is no error.
func (db *DB) Invitation(ctx context.Context, orgID, usernameKey string, mac, throttleKey []byte) (Invitation, error) {
	inv, _, err := one(ctx, db, (*row).invitation, selectInvitation, orgID, usernameKey, mac, throttleKey)
	return inv, err
}

// RegistrationState reads what decides whether a user may complete a registration: the user,
// and the code if it was issued to them. What does not exist is no error.
func (db *DB) RegistrationState(ctx context.Context, userID, codeID string) (Invitation, error) {
	inv, _, err := one(ctx, db, (*row).registrationState, selectRegistrationState, userID, codeID)
	return inv, err
}
