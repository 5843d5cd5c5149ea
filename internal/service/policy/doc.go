// Package policy shows and sets the policies on authenticators of an organisation, and says beforehand whom one
// would refuse. Package admission has the policies themselves.
package policy
