// Package crashtest kills tufrepo at every step of every command that changes
// a repository, and lets go-tuf's client judge what is left: hosts, new ones
// and those that know an older state, see the old repository or the new one,
// whole. It holds tests only.
package crashtest
