package receipt_test

import (
	"fmt"
	"log"
	"os"

	"github.com/countersign/countersign/receipt"
)

// A receipt is verified with nothing but the document. With nil instead of trusted keys, the
// reader must compare the sealing key with the one that the server published.
func ExampleVerify() {
	document, err := os.ReadFile("testdata/key.json")
	if err != nil {
		log.Fatal(err)
	}
	r, report, err := receipt.Verify(document, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Who.Username, "signed", r.Action.Method, r.Action.Path)
	fmt.Println(report.Checks[0])

	document[len(document)/2] ^= 1
	_, _, err = receipt.Verify(document, nil)
	fmt.Println("after a change it verifies:", err == nil)
	// Output:
	// zoë@example.org signed POST https://bank.example.org/transfers?dry=false
	// The document is byte for byte as it was sealed.
	// after a change it verifies: false
}
