package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
)

// The reason code is for programs, so its shape is fixed too.
var reasonCode = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)

// checkEnvelope checks what the design adds to the contract's Error schema.
func checkEnvelope(status int, body []byte) error {
	var envelope struct {
		Error struct {
			ID      string
			Status  int
			Code    string
			Message string
		}
		Message string
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return fmt.Errorf("the error envelope: %w", err)
	}
	e := envelope.Error
	switch {
	case e.ID == "":
		return errors.New("error.id is missing: nobody could look this refusal up")
	case e.Status != status:
		return fmt.Errorf("error.status is %d", e.Status)
	case !reasonCode.MatchString(e.Code):
		return fmt.Errorf("error.code is %q, not a stable reason code", e.Code)
	case e.Message == "":
		return errors.New("error.message is empty")
	case envelope.Message != e.Message:
		return fmt.Errorf("message is %q but error.message is %q", envelope.Message, e.Message)
	}
	return nil
}
