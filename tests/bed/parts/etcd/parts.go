// Package parts names the programs to build; it holds no code.
package parts

import _ "go.etcd.io/etcd/server/v3"
