package username

import (
	"fmt"
	"strings"

	"go.mau.fi/util/confusable"

	"github.com/countersign/countersign/api"
)

// MaxLook is the greatest length of a look in bytes: databases limit what they index.
const MaxLook = 2000

// Look returns what a name looks like: two names with the same look could be taken for one another. It is
// the skeleton of UTS 39 §4, of the name's key and in small letters. plain is whether the name is in ASCII.
// Two plain names are no twins even with one look: user1 and userl can be told apart in the usual way, and
// whoever has many users has both. Stored looks depend on it, as keys do on Key.
func Look(name string) (look string, plain bool) {
	key := Key(name)
	return strings.ToLower(confusable.Skeleton(strings.ToLower(confusable.Skeleton(key)))), isASCII(key)
}

// Twins reports whether two different names could be taken for one another.
func Twins(a, b string) bool {
	lookA, plainA := Look(a)
	lookB, plainB := Look(b)
	return lookA == lookB && !(plainA && plainB) && Key(a) != Key(b)
}

// Confusable is what somebody gets who gives a name that could be taken for another's.
func Confusable(name, existing string) *api.Error {
	return &api.Error{Kind: api.Conflict, Code: "username_confusable",
		Message: fmt.Sprintf("The username %q looks like %q, which there is already, in other letters. Choose one that nobody can mistake for it.", name, existing),
		Rule:    "names of an organisation can be told apart (UTS 39 skeleton)"}
}

func looksTooLong(name string) bool {
	look, _ := Look(name)
	return len(look) > MaxLook
}
