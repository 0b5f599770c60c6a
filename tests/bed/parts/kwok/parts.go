// Package parts names the programs to build; it holds no code.
package parts

import _ "sigs.k8s.io/kwok/cmd/kwok"
